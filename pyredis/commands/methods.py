"""A method for each command of the facts: ``pool.get("k")`` is ``pool.execute("GET", "k")``.

It knows how a method is named after its command, and nothing else of it: arguments and execution options are
for ``execute`` to judge, as is where the command goes. Nothing is made before it is asked for, so an import is
free; what is made stays, so the second use is an ordinary method. What a server adds to the facts (other
modules, newer commands) has no method; ``execute`` knows no such limit. ``methods.pyi`` is for editors and type
checkers and generated from the same rows by ``scripts/generate_methods.py``.
"""

from __future__ import annotations

from functools import cache
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, Final

from pyredis.commands._facts import LETTERS
from pyredis.commands.rows import FIELDS
from pyredis.commands.spec import Spec, built_in, find

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from pyredis.types import Argument, Reply

__all__ = ["Commands", "commands"]

_ARITY: Final = FIELDS.index("arity")
_OURS: Final = __name__.partition(".")[0] + "."


class Commands:
    """A mixin for what has ``execute``: its commands as methods, ``client_list`` for CLIENT LIST.

    Space, dash and dot are an underscore; the name of a Python keyword has one behind it, ``del_``.
    """

    __slots__ = ()

    if TYPE_CHECKING:

        async def execute(self, *args: Argument, shard_key: object = None, sock: object = None) -> Reply: ...

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        # Who overrides get() may call super().get(), which no __getattr__ hears of. The house's own classes
        # override none, and looking would cost every start the names of all commands.
        if not cls.__module__.startswith(_OURS):
            for name in commands().keys() & dir(cls):
                _provide(name)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and name in commands():
            _provide(name)
        # The method, or the AttributeError that Python itself would raise.
        return object.__getattribute__(self, name)

    def __dir__(self) -> set[str]:
        return {*super().__dir__(), *commands()}


@cache
def commands() -> dict[str, str]:
    """Return the command that each method sends, by the method's name.

    A container is there when it is a command by itself, as COMMAND is.
    """
    from pyredis.commands._module_facts import ROWS as OF_MODULES  # not before a method is asked for

    rows = [*(row for letter in LETTERS for row in built_in(letter).ROWS), *OF_MODULES]
    names = {str(row[0]): row[_ARITY] for row in rows}
    containers = {name.partition(" ")[0] for name in names if " " in name}
    return {_spelled(name): name for name, arity in names.items() if name not in containers or arity == -1}


def _spelled(command: str) -> str:
    name = command.lower().replace(" ", "_").replace("-", "_").replace(".", "_")
    return f"{name}_" if iskeyword(name) else name


def _provide(name: str) -> None:
    """Make a method of the mixin, unless it is there."""
    if name not in vars(Commands):
        setattr(Commands, name, _method(name, commands()[name]))


def _method(name: str, command: str) -> Callable[..., Coroutine[Any, Any, Reply]]:
    words: tuple[Argument, ...] = tuple(command.split())

    def method(self: Commands, *args: Argument, **options: object) -> Coroutine[Any, Any, Reply]:
        return self.execute(*(words + args), **options)

    method.__name__ = name
    method.__qualname__ = f"{Commands.__qualname__}.{name}"
    spec = find(command.split())
    method.__doc__ = spec and _described(spec)
    return method


def _described(spec: Spec) -> str:
    """Return the facts in a line: what it takes, where its keys are, who has it since when."""
    words = spec.name.count(" ") + 1
    takes = [_counted(abs(spec.arity) - words, exactly=spec.arity > 0)]
    if spec.first_key:
        takes.append(f"the first key is argument {spec.first_key + 1 - words}")
    history = [f"in {product.title()}" for product in spec.products if len(spec.products) == 1]
    if spec.module:
        history = [f"of the module {spec.module}"]
    if spec.since:
        history.append(f"since {spec.since}")
    if spec.deprecated_since:
        history.append(f"deprecated since {spec.deprecated_since}")
    return f"Execute {spec.name} ({spec.group}): {', '.join(takes)}; {', '.join(history)}."


def _counted(arguments: int, *, exactly: bool) -> str:
    if not arguments:
        return "no arguments" if exactly else "any arguments"
    least = "" if exactly else "at least "
    return f"{least}{arguments} argument{'s' if arguments > 1 else ''}"
