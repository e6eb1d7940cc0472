"""The names that annotations need, without ``typing``. With ``typing``, 40 named tuples cost an eighth of a check.

A type checker sees typing's own definitions here. At run time, ``NamedTuple`` creates equivalent tuples at lower cost,
and the other names are placeholders. Modules that a check does not import use ``typing`` itself.
"""

from operator import itemgetter

TYPE_CHECKING = False  # type checkers treat this name as true

if TYPE_CHECKING:
    from typing import Any, NamedTuple, NoReturn, Protocol, Self, TypeAlias
else:
    Any = NoReturn = Protocol = Self = TypeAlias = object

    class _Making(type):
        """Metaclass that turns each annotated name into a property and each assigned value into its default."""

        def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, object]) -> type:
            made = super().__new__(cls, name, bases, {"__slots__": (), **namespace})
            if fields := tuple(made.__annotations__):
                made._fields = made.__match_args__ = fields
                made._field_defaults = {field: namespace[field] for field in fields if field in namespace}
                for index, field in enumerate(fields):
                    setattr(made, field, property(itemgetter(index)))
            return made

    class NamedTuple(tuple, metaclass=_Making):
        """A tuple whose elements have names, like ``typing.NamedTuple``."""

        def __new__(cls, /, *values: object, **named: object) -> object:
            if named or len(values) != len(cls._fields):
                values = cls._filled(values, named)
            return tuple.__new__(cls, values)

        @classmethod
        def _filled(cls, values: tuple[object, ...], named: dict[str, object]) -> list[object]:
            found, defaults = list(values), cls._field_defaults
            for field in cls._fields[len(values) :]:
                if field in named:
                    found.append(named.pop(field))
                elif field in defaults:
                    found.append(defaults[field])
            if named or len(found) != len(cls._fields):  # unknown or given twice, missing or too many
                raise TypeError(f"{cls.__name__} has the fields {', '.join(cls._fields)}")
            return found

        def __getnewargs__(self) -> tuple[object, ...]:
            return tuple(self)

        def __repr__(self) -> str:
            return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self._asdict().items())})"

        def _asdict(self) -> dict[str, object]:
            return dict(zip(self._fields, self, strict=True))

        def _replace(self, /, **changes: object) -> object:
            values = [changes.pop(field, value) for field, value in zip(self._fields, self, strict=True)]
            return type(self)(*values, **changes)  # an unknown name is refused there


__all__ = ["TYPE_CHECKING", "Any", "NamedTuple", "NoReturn", "Protocol", "Self", "TypeAlias"]
