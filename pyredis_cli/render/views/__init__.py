"""How replies are laid out for people: a module for each kind of reply, from reply to blocks.

A view is told the reply and what was asked. It returns blocks, or None, or raises `reading.Unexpected`, when the
reply is not what it knows; it is then laid out like any other. Everything that is in a reply is in its blocks.
"""
