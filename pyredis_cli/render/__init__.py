"""Replies as bytes or text: functions from values to values, one module for each form."""
