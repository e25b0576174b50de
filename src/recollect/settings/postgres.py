"""Where a PostgreSQL database is, put together from parts and from the variables that many use."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

_PARTS = {
    "POSTGRES_HOST": "host",
    "POSTGRES_PORT": "port",
    "POSTGRES_USER": "user",
    "POSTGRES_PASSWORD": "password",
    "POSTGRES_DB": "dbname",
}
_ENCRYPTION = {
    "POSTGRES_SSL_MODE": "sslmode",
    "POSTGRES_SSL_ROOT_CERT": "sslrootcert",
    "POSTGRES_SSL_CERT": "sslcert",
    "POSTGRES_SSL_KEY": "sslkey",
}


def database_url(parts: Mapping[str, str]) -> str:
    """The URL of a database; its parts are called as libpq calls them, and may hold anything."""
    return f"postgresql://?{urlencode(parts, quote_via=quote)}"


def usual_url(environment: Mapping[str, str]) -> str | None:
    """The database that `POSTGRES_URL`, else `POSTGRES_HOST` and those beside it, name; or None.

    `POSTGRES_SSL_MODE` and those beside it say how the way there is encrypted.
    """
    given = environment.get("POSTGRES_URL")
    encryption = _named(_ENCRYPTION, environment)
    if given:
        more = ("&" if "?" in given else "?") + urlencode(encryption, quote_via=quote)
        return given + (more if encryption else "")
    if environment.get("POSTGRES_HOST"):
        return database_url(_named(_PARTS, environment) | encryption)
    return None


def _named(names: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    return {ours: value for name, ours in names.items() if (value := environment.get(name))}
