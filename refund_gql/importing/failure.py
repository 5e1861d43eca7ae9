"""Why an import cannot start. Whatever is raised here, nothing was written."""


class Failure(Exception):
    """The text names the file, the place, what was found and what to do."""


class BrokenFile(Failure):
    """The file cannot be read as a table: repair it, or export it again."""


class BrokenMapping(Failure):
    """The mapping is wrong, or does not fit the file: change it."""


class CannotImport(Failure):
    """File and mapping are good, but this machine or this shop is not ready."""
