"""Values with named fields: ``NamedTuple`` and ``dataclass`` of the standard library, at a tenth of their price.

Importing ``typing`` and ``dataclasses`` takes longer than all else that a program does that runs one command. Type
checkers see the originals; at run time these do the part of it that is used here: fields from annotations,
defaults, and frozen classes with slots.
"""

from __future__ import annotations

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass, field, replace
    from typing import Any, NamedTuple

__all__ = ["NamedTuple", "dataclass", "field", "replace"]


class _Field:
    """What ``field`` says of one: its default, or what makes one, and whether ``repr`` shows it."""

    __slots__ = ("default", "factory", "repr")

    def __init__(self, default: object, factory: Callable[[], object] | None, repr: bool) -> None:
        self.default = default
        self.factory = factory
        self.repr = repr


_MISSING = object()


def _fields(body: dict[str, Any]) -> dict[str, _Field]:
    """Return the fields that the body of a class declares, in their order."""
    found = {}
    for name in body.get("__annotations__", ()):
        said = body.get(name, _MISSING)
        found[name] = said if isinstance(said, _Field) else _Field(said, None, True)
    return found


def _initializer(fields: dict[str, _Field], *, checks: bool) -> Callable[..., None]:
    """Return an ``__init__`` that has the fields as its parameters, as ``dataclass`` makes it."""
    names: dict[str, Any] = {"_set": object.__setattr__}
    parameters, lines = ["self"], []
    for name, one in fields.items():
        names[f"_default_{name}"] = one.default if one.factory is None else _MISSING
        has_default = one.factory is not None or one.default is not _MISSING
        parameters.append(f"{name}=_default_{name}" if has_default else name)
        value = name
        if one.factory is not None:
            names[f"_make_{name}"] = one.factory
            value = f"_make_{name}() if {name} is _default_{name} else {name}"
        lines.append(f" _set(self, {name!r}, {value})")
    if checks:
        lines.append(" self.__post_init__()")
    exec(f"def __init__({', '.join(parameters)}):\n" + "\n".join(lines), names)
    initializer: Callable[..., None] = names["__init__"]
    return initializer


def _frozen(self: Any, name: str, _value: object = None) -> None:
    raise AttributeError(f"{type(self).__name__} is frozen; {name} cannot be changed")


def _values(self: Any) -> tuple[Any, ...]:
    return tuple([getattr(self, name) for name in self.__match_args__])


def _is_equal(self: Any, other: Any) -> Any:
    return _values(self) == _values(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_values(self))


def _reduce(self: Any) -> tuple[Any, ...]:
    return type(self), _values(self)


def _repr_of(shown: list[str]) -> Callable[[Any], str]:
    def __repr__(self: Any) -> str:
        return f"{type(self).__name__}({', '.join([f'{name}={getattr(self, name)!r}' for name in shown])})"

    return __repr__


if not TYPE_CHECKING:

    def field(*, default=_MISSING, default_factory=None, repr=True):
        """Return what is to be known of a field besides its annotation."""
        return _Field(default, default_factory, repr)

    def dataclass(*, frozen, slots):
        """Return a decorator that makes a frozen class with slots of one with annotations; there are no others."""
        assert frozen, "only frozen classes are made here"
        assert slots, "only classes with slots are made here"

        def made(cls):
            body = dict(cls.__dict__)
            own = _fields(body)
            for name in (*own, "__dict__", "__weakref__"):
                body.pop(name, None)
            fields = getattr(cls.__base__, "__record_fields__", {}) | own
            body.setdefault("__repr__", _repr_of([name for name, one in fields.items() if one.repr]))
            body |= {
                "__slots__": tuple(own),
                "__match_args__": tuple(fields),
                "__record_fields__": fields,
                "__init__": _initializer(fields, checks="__post_init__" in body),
                "__setattr__": _frozen,
                "__delattr__": _frozen,
                "__eq__": _is_equal,
                "__hash__": _hash,
                "__reduce__": _reduce,
            }
            made = type(cls)(cls.__name__, cls.__bases__, body)
            made.__init__.__qualname__ = f"{cls.__qualname__}.__init__"
            return made

        return made

    def replace(record, /, **changes):
        """Return the same with other values in the fields named."""
        values = {name: getattr(record, name) for name in record.__match_args__}
        return type(record)(**values | changes)

    class _NamedTupleType(type):
        """Makes what the body of a class describes that has NamedTuple as its base."""

        def __new__(cls, name, _bases, body):
            fields = _fields(body)
            defaults = [one.default for one in fields.values() if one.default is not _MISSING]
            made = namedtuple(name, fields, defaults=defaults, module=body["__module__"])
            for key, value in body.items():
                if key not in fields and key not in ("__module__", "__slots__", "__classcell__"):
                    setattr(made, key, value)
            return made

    # Not by a class statement: that would already be taken for what is to be made.
    NamedTuple = type.__new__(_NamedTupleType, "NamedTuple", (), {"__module__": __name__})
