"""Values with named fields: ``NamedTuple`` and ``dataclass`` of the standard library, at a tenth of their price.

Importing ``typing`` and ``dataclasses`` takes longer than all else that a program does that runs one command. Type
checkers see the originals; at run time these do the part of it that is used here: fields from annotations,
defaults, and frozen classes with slots. ``cast`` is here for the same reason.
"""

from __future__ import annotations

from _collections import _tuplegetter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from dataclasses import dataclass, field, replace
    from typing import Any, NamedTuple, cast

__all__ = ["NamedTuple", "cast", "dataclass", "field", "replace"]


_MISSING = object()


class _Field:
    """What ``field`` says of one: its default, or what makes one, and whether ``repr`` shows it."""

    __slots__ = ("annotation", "default", "factory", "repr")

    def __init__(
        self,
        default: object = _MISSING,
        factory: Callable[[], object] | None = None,
        repr: bool = True,
    ) -> None:
        self.annotation = ""
        self.default = default
        self.factory = factory
        self.repr = repr

    @property
    def has_default(self) -> bool:
        return self.default is not _MISSING or self.factory is not None

    @property
    def shown_default(self) -> object:
        return self.default if self.factory is None else self.factory()


def _fields(body: dict[str, Any]) -> dict[str, _Field]:
    """Return the fields that the body of a class declares, in their order."""
    found = {}
    for name, annotation in body.get("__annotations__", {}).items():
        said = body.get(name, _MISSING)
        one = found[name] = said if isinstance(said, _Field) else _Field(said)
        one.annotation = annotation
    return found


def _initializer(fields: dict[str, _Field], *, checks: bool) -> Callable[..., None]:
    """Return an ``__init__`` that takes the fields, as ``dataclass`` makes it.

    Not from its source as there: to compile one for many fields takes a millisecond.
    """
    names = tuple(fields)
    defaults = {name: one for name, one in fields.items() if one.has_default}
    plain = {name: one.default for name, one in defaults.items() if one.factory is None}
    made = {name: one.factory for name, one in defaults.items() if one.factory is not None}

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        if args:
            kwargs = _named(type(self), names, args, kwargs)
        values = plain | kwargs
        for name, make in made.items():
            if name not in values:
                values[name] = make()
        if len(values) != len(names) or not values.keys() <= fields.keys():
            raise TypeError(_mismatch(type(self), names, values))
        for name, value in values.items():
            _set(self, name, value)
        if checks:
            self.__post_init__()

    return __init__


_set = object.__setattr__


def _named(
    cls: type, names: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """Return the positional arguments by their names, and the others."""
    if len(args) > len(names):
        raise TypeError(f"{cls.__name__} takes {len(names)} arguments, not {len(args)}")
    found = dict(zip(names, args, strict=False))
    for name in found.keys() & kwargs.keys():
        raise TypeError(f"{cls.__name__} got two values for {name!r}")
    return found | kwargs


def _mismatch(cls: type, names: tuple[str, ...], values: dict[str, Any]) -> str:
    missing = [name for name in names if name not in values]
    unknown = [name for name in values if name not in names]
    if unknown:
        return f"{cls.__name__} got an unexpected keyword argument {unknown[0]!r}"
    return f"{cls.__name__} lacks {', '.join(missing)}"


class _Signature:
    """What ``inspect`` shows of a class: its fields, made when somebody looks."""

    def __get__(self, _record: object, cls: Any) -> Any:
        from inspect import Parameter, Signature

        return Signature(
            [
                Parameter(
                    name,
                    Parameter.POSITIONAL_OR_KEYWORD,
                    default=one.shown_default if one.has_default else Parameter.empty,
                    annotation=one.annotation,
                )
                for name, one in cls.__record_fields__.items()
            ]
        )


class _StandardFields:
    """What ``dataclasses`` knows a class by, so that its ``fields``, ``replace`` and ``asdict`` take it, too."""

    def __get__(self, _record: object, cls: Any) -> Any:
        from dataclasses import make_dataclass

        stated = [(name, one.annotation, _standard(one)) for name, one in cls.__record_fields__.items()]
        return vars(make_dataclass(cls.__name__, stated))["__dataclass_fields__"]


def _standard(one: _Field) -> Any:
    from dataclasses import field

    if not one.has_default:
        return field(repr=one.repr)
    if one.factory is not None:
        return field(default_factory=one.factory, repr=one.repr)
    return field(default=one.default, repr=one.repr)


def _frozen(self: Any, name: str, _value: object = None) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"{type(self).__name__} is frozen; {name} cannot be changed")


def _values(self: Any) -> tuple[Any, ...]:
    return tuple([getattr(self, name) for name in self.__match_args__])


def _is_equal(self: Any, other: Any) -> Any:
    return _values(self) == _values(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_values(self))


def _reduce(self: Any) -> tuple[Any, ...]:
    return type(self), _values(self)


class _Named(tuple):  # type: ignore[type-arg]
    """What named tuples have in common."""

    __slots__ = ()
    if TYPE_CHECKING:
        _fields: tuple[str, ...]

    @classmethod
    def _make(cls, values: Iterable[Any]) -> Any:
        """Return one made of these values, in the order of the fields."""
        return cls(*values)

    def _replace(self, **changes: Any) -> Any:
        """Return the same with other values in the fields named."""
        values = dict(zip(self._fields, self, strict=True)) | changes
        if len(values) != len(self):
            raise ValueError(
                f"{type(self).__name__} has no field {', '.join(set(changes) - set(self._fields))}"
            )
        return tuple.__new__(type(self), values.values())

    def _asdict(self) -> dict[str, Any]:
        """Return the values by the names of their fields."""
        return dict(zip(self._fields, self, strict=True))

    def __repr__(self) -> str:
        shown = [f"{name}={value!r}" for name, value in self._asdict().items()]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self)


def _maker(names: tuple[str, ...], defaults: dict[str, Any]) -> Callable[..., Any]:
    """Return the ``__new__`` of a named tuple; its source is not compiled, for the reason above."""
    last = tuple(defaults.values())
    most, least = len(names), len(names) - len(last)

    def __new__(cls: Any, *args: Any, **kwargs: Any) -> Any:
        count = len(args)
        if kwargs or not least <= count <= most:
            values = defaults | _named(cls, names, args, kwargs)
            if len(values) != most or not values.keys() <= set(names):
                raise TypeError(_mismatch(cls, names, values))
            args = tuple([values[name] for name in names])
        elif count < most:
            args += last[count - least :]
        return tuple.__new__(cls, args)

    return __new__


def _repr_of(shown: list[str]) -> Callable[[Any], str]:
    def __repr__(self: Any) -> str:
        return f"{type(self).__name__}({', '.join([f'{name}={getattr(self, name)!r}' for name in shown])})"

    return __repr__


if not TYPE_CHECKING:

    def cast(_type, value):
        """Return the value, which a type checker takes for one of that type."""
        return value

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
                "__signature__": _Signature(),
                "__dataclass_fields__": _StandardFields(),
                "__replace__": replace,
                "__init__": _initializer(fields, checks="__post_init__" in body),
                "__setattr__": _frozen,
                "__delattr__": _frozen,
                "__eq__": _is_equal,
                "__hash__": _hash,
                "__reduce__": _reduce,
            }
            return type(cls)(cls.__name__, cls.__bases__, body)

        return made

    def replace(record, /, **changes):
        """Return the same with other values in the fields named."""
        values = {name: getattr(record, name) for name in record.__match_args__}
        return type(record)(**values | changes)

    class _NamedTupleType(type):
        """Makes what the body of a class describes that has NamedTuple as its base."""

        def __new__(cls, name, _bases, body):
            fields = _fields(body)
            body = {key: value for key, value in body.items() if key not in fields}
            body.pop("__classcell__", None)
            names = tuple(fields)
            defaults = {name: one.default for name, one in fields.items() if one.default is not _MISSING}
            for at, getter in enumerate(map(_tuplegetter, range(len(names)), names)):
                body[names[at]] = getter
            body |= {
                "__slots__": (),
                "__match_args__": names,
                "__new__": _maker(names, defaults),
                "__record_fields__": fields,
                "__signature__": _Signature(),
                "_fields": names,
                "_field_defaults": defaults,
            }
            return type(name, (_Named,), body)

    # Not by a class statement: that would already be taken for what is to be made.
    NamedTuple = type.__new__(_NamedTupleType, "NamedTuple", (), {"__module__": __name__})
