"""Commands of as many words each, kept as their words: most scripts are that, and few replies need the argv."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import overload

    _Argvs = Sequence[tuple[bytes, ...]]
else:
    _Argvs = object

__all__ = ["Rows"]


class Rows(_Argvs):
    """A sequence of argvs of ``width`` words each, which are made when somebody asks for them."""

    __slots__ = ("width", "words")

    def __init__(self, words: list[bytes], width: int) -> None:
        self.words = words
        self.width = width

    def __len__(self) -> int:
        return len(self.words) // self.width

    def __iter__(self) -> Iterator[tuple[bytes, ...]]:
        return zip(*[iter(self.words)] * self.width, strict=True)

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, place: int) -> tuple[bytes, ...]: ...
        @overload
        def __getitem__(self, place: slice) -> Rows: ...

    def __getitem__(self, place: int | slice) -> tuple[bytes, ...] | Rows:
        if isinstance(place, slice):
            start, stop, step = place.indices(len(self))
            assert step == 1, "rows are only cut"
            return Rows(self.words[start * self.width : stop * self.width], self.width)
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        start = place % len(self) * self.width
        return tuple(self.words[start : start + self.width])
