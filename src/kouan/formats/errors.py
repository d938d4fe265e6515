"""The one error every format raises for bytes it cannot accept."""


class FormatError(ValueError):
    """A file is not what its format asks for.

    Its text is ``FILE:LINE: FIELD: what is wrong; what would be right``, for the first problem found.
    `others` holds the further problems of the same file, in the order of the file, so that a sender
    can mend them all at once.
    """

    def __init__(self, file: str, line: int, field: str, problem: str, others: "tuple[FormatError, ...]" = ()) -> None:
        super().__init__(file, line, field, problem, others)
        self.file = file
        """The file's name as the caller gave it."""
        self.line = line
        """The line in the file, counted from 1; 1 where the whole file is meant."""
        self.field = field
        """The message's own name of the field, such as ``DecHead/EntryId`` or ``DecList[3]/CodeTS``."""
        self.problem = problem
        """What is wrong, a semicolon, and what would be right."""
        self.others = others
        """The file's further problems."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field}: {self.problem}"
