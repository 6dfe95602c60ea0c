"""What a user says never changes the meaning of nginx's configuration."""

from __future__ import annotations

import pytest

from pytest_mtls.errors import InvalidConfigValue
from pytest_mtls.nginx import text

HOSTILE = ["a\nb", "a\rb", 'a"b', "a'b", "a{b", "a}b", "a;b", "a\\b", "a\0b", "$"]


@pytest.mark.parametrize(
    "name", ["localhost", "a.test", "*.example.org", "www.example.*", "_", "127.0.0.1", "x_y.test"]
)
def test_host_names_are_taken_as_they_are(name: str) -> None:
    """Every form that server_name has for a plain name passes."""
    assert text.server_name(name) == name


@pytest.mark.parametrize("name", [*HOSTILE, "", " ", "a b", "~^x$", "$host", "a/b", "-", "é.test"])
def test_a_server_name_that_is_none_is_refused_by_name(name: str) -> None:
    """The error names the argument and the way out."""
    with pytest.raises(InvalidConfigValue, match=r"server_names.*directives"):
        text.server_name(name)


@pytest.mark.parametrize("value", HOSTILE)
def test_a_header_value_that_would_end_the_directive_is_refused(value: str) -> None:
    """The error names the argument and the way out."""
    with pytest.raises(InvalidConfigValue, match="forward"):
        text.header_value(value, argument="forward['X-A']")


@pytest.mark.parametrize("value", ["cost: 5$", "${", "${a-b}", "$1 off$"])
def test_a_dollar_that_starts_no_variable_is_refused(value: str) -> None:
    """nginx has no way to write it literally, and says so nowhere."""
    with pytest.raises(InvalidConfigValue, match=r"starts no variable|would end"):
        text.header_value(value, argument="forward['X-A']")


def test_variables_in_a_header_value_stay_variables() -> None:
    """Both spellings pass, beside literal text."""
    assert text.header_value("v=$ssl_client_verify ${scheme}", argument="forward") == '"v=$ssl_client_verify ${scheme}"'


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\nb", "a;", "ä"])
def test_a_header_name_must_be_a_token(name: str) -> None:
    """RFC 9110 section 5.1."""
    with pytest.raises(InvalidConfigValue, match="forward"):
        text.header_name(name, argument="forward")


@pytest.mark.parametrize("value", ["off", "none", "builtin", "builtin:20", "shared:A:1m", "builtin:20 shared:A:10k"])
def test_session_caches_of_nginx_pass(value: str) -> None:
    """Every form that ssl_session_cache has."""
    assert text.session_cache(value) == value


@pytest.mark.parametrize("value", ["", "shared", "shared:A", "shared:A;:1m", "on", "shared:A:1m; evil on"])
def test_other_session_caches_are_refused(value: str) -> None:
    """The error lists the forms there are."""
    with pytest.raises(InvalidConfigValue, match="shared:NAME:1m"):
        text.session_cache(value)


@pytest.mark.parametrize("target", [403, "/login", "=401 /login", "= @named", "https://example.org/x?y=1"])
def test_error_pages_take_a_status_a_path_or_both(target: int | str) -> None:
    """The forms of API and of the directive."""
    assert text.error_page(495, target) == target


@pytest.mark.parametrize(
    "code, target", [(200, 403), (495, 999), (495, "login; return 200"), (495, "=4 /x"), (495, "/{"), ("495", 403)]
)
def test_other_error_pages_are_refused(code: int, target: int | str) -> None:
    """The error names the argument."""
    with pytest.raises(InvalidConfigValue, match="error_pages"):
        text.error_page(code, target)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "https://app.test/base", "http://[::1]:80"])
def test_plain_urls_are_upstreams(url: str) -> None:
    """A host, a port, a path."""
    assert text.upstream_url(url) == url


@pytest.mark.parametrize("url", ["127.0.0.1:80", "http://a b", "http://a;", "http://$host", "unix:/x", "ftp://a"])
def test_other_upstreams_are_refused(url: str) -> None:
    """The error shows the form that is needed."""
    with pytest.raises(InvalidConfigValue, match="upstream"):
        text.upstream_url(url)


def test_directives_are_taken_as_they_are() -> None:
    """They are the user's own lines; only a NUL byte, which ends nginx's reading, is refused."""
    line = 'location /x { return 200 "a;b$uri"; }'

    assert text.directive(line) == line
    with pytest.raises(InvalidConfigValue, match="directives"):
        text.directive("a\0b")
