"""``@pytest.mark.mtls``: which tests it makes, what each asks for, and what they are called."""

from __future__ import annotations

from typing import Any

from pytest_mtls import VerifyMode
from tests.plugin.suite import Suite


def test_a_list_makes_a_test_for_each_value(suite: Suite) -> None:
    """A list parametrizes, and the values are the ids."""
    found = suite.collect("""
        import pytest
        @pytest.mark.mtls(verify=["on", "off"])
        def test_it(mtls_nginx): ...
    """)

    assert found == {"test_it[on]": {"verify": "on"}, "test_it[off]": {"verify": "off"}}


def test_lists_multiply(suite: Suite) -> None:
    """Several lists make every combination, named in the order in which they were written."""
    found = suite.collect("""
        import pytest
        @pytest.mark.mtls(verify=["on", "optional", "optional_no_ca"], tls=["1.2", "1.3"], depth=2)
        def test_it(mtls_nginx): ...
    """)

    assert list(found) == [
        f"test_it[{verify}-{tls}]" for verify in ("on", "optional", "optional_no_ca") for tls in ("1.2", "1.3")
    ]
    assert found["test_it[optional-1.3]"] == {"verify": "optional", "tls": "1.3", "depth": 2}


def test_a_single_value_sets_and_keeps_the_plain_name(suite: Suite) -> None:
    """Where there is nothing to choose from, the test's name says nothing of it."""
    found = suite.collect("""
        import pytest
        @pytest.mark.mtls(verify="off", tls=("1.2", "1.3"), directives=["etag off", "gzip off"])
        def test_it(mtls_nginx): ...
        def test_without_a_marker(mtls_nginx): ...
    """)

    assert found == {
        "test_it": {"verify": "off", "tls": ("1.2", "1.3"), "directives": ["etag off", "gzip off"]},
        "test_without_a_marker": {},
    }


def test_a_list_of_one_is_still_a_list(suite: Suite) -> None:
    """A computed list names its test by its value, however many there are."""
    found = suite.collect("""
        import pytest
        @pytest.mark.mtls(verify=["off"])
        def test_it(mtls_nginx): ...
    """)

    assert list(found) == ["test_it[off]"]


def test_every_kind_of_value_has_a_readable_id(suite: Suite) -> None:
    """Members are called by their value, tuples by theirs, flags with their argument, objects by their place."""
    found = suite.collect("""
        import pytest
        from pytest_mtls import CertificateAuthority, VerifyMode
        A, B = CertificateAuthority("A"), CertificateAuthority("B")

        @pytest.mark.mtls(verify=list(VerifyMode)[:2])
        def test_members(mtls_nginx): ...
        @pytest.mark.mtls(tls=["1.3", ("1.2", "1.3")])
        def test_tuples(mtls_nginx): ...
        @pytest.mark.mtls(http2=[True, False], depth=[None, 0])
        def test_flags(mtls_nginx): ...
        @pytest.mark.mtls(client_ca=[A, B])
        def test_objects(mtls_nginx): ...
        @pytest.mark.mtls(directives=[["etag off"], ["etag on", "gzip off"]])
        def test_lists_of_lists(mtls_nginx): ...
    """)

    assert list(found) == [
        *(f"test_members[{mode}]" for mode in list(VerifyMode)[:2]),
        *("test_tuples[1.3]", "test_tuples[1.2+1.3]"),
        *("test_flags[http2=True-depth=None]", "test_flags[http2=True-0]"),
        *("test_flags[http2=False-depth=None]", "test_flags[http2=False-0]"),
        *("test_objects[client_ca0]", "test_objects[client_ca1]"),
        *("test_lists_of_lists[directives0]", "test_lists_of_lists[directives1]"),
    ]
    assert found["test_lists_of_lists[directives1]"] == {"directives": ["etag on", "gzip off"]}


def test_the_closest_wins_argument_by_argument(suite: Suite) -> None:
    """Function over class over module, each argument for itself; one value replaces a list, and a list one value."""
    found = suite.collect("""
        import pytest
        pytestmark = pytest.mark.mtls(verify="optional", tls=["1.2", "1.3"], depth=3)

        def test_module(mtls_nginx): ...

        @pytest.mark.mtls(verify="off", depth=2)
        class TestClass:
            def test_class(self, mtls_nginx): ...

            @pytest.mark.mtls(tls="1.3", depth=1)
            def test_function(self, mtls_nginx): ...

        @pytest.mark.mtls(tls="1.2", verify="optional_no_ca")
        @pytest.mark.mtls(verify=["on", "off"])
        def test_stacked(mtls_nginx): ...
    """)

    def asked(verify: str, tls: str, depth: int) -> dict[str, Any]:
        return {"verify": verify, "tls": tls, "depth": depth}

    assert found == {
        "test_module[1.2]": asked("optional", "1.2", 3),
        "test_module[1.3]": asked("optional", "1.3", 3),
        "test_class[1.2]": asked("off", "1.2", 2),
        "test_class[1.3]": asked("off", "1.3", 2),
        "test_function": asked("off", "1.3", 1),
        "test_stacked[on]": asked("on", "1.2", 3),
        "test_stacked[off]": asked("off", "1.2", 3),
    }


def test_it_goes_with_parametrize(suite: Suite) -> None:
    """pytest's own parameters multiply with the marker's, and stand behind them in the id."""
    found = suite.collect("""
        import pytest
        @pytest.mark.parametrize("word", ["a", "b"])
        @pytest.mark.mtls(verify=["on", "off"])
        def test_it(mtls_nginx, word): ...
    """)

    assert sorted(found) == sorted(f"test_it[{verify}-{word}]" for word in "ab" for verify in ("on", "off"))
    assert found["test_it[off-a]"] == {"verify": "off"}


def test_it_reaches_a_server_that_another_fixture_asks_for(suite: Suite) -> None:
    """A test that gets its server through a fixture of the user's is parametrized all the same."""
    found = suite.collect("""
        import pytest
        @pytest.fixture
        def client(mtls_nginx): ...
        @pytest.mark.mtls(verify=["on", "off"])
        def test_it(client): ...
    """)

    assert found == {"test_it[on]": {"verify": "on"}, "test_it[off]": {"verify": "off"}}


def test_it_makes_tests_for_the_factory_too(suite: Suite) -> None:
    """A list parametrizes a test that uses the factory, and one that uses both fixtures only once."""
    found = suite.collect("""
        import pytest
        @pytest.mark.mtls(verify=["on", "off"])
        class Test:
            def test_factory(self, mtls_nginx_factory): ...
            def test_both(self, mtls_nginx_factory, mtls_nginx): ...
    """)

    assert list(found) == ["test_factory[on]", "test_factory[off]", "test_both[on]", "test_both[off]"]


def test_it_leaves_tests_alone_that_use_no_server(suite: Suite) -> None:
    """A marker on a class does not multiply the tests in it that have nothing to do with nginx."""
    found = suite.collect("""
        import pytest
        @pytest.mark.mtls(verify=["on", "off"])
        class Test:
            def test_plain(self, mtls_ca): ...
    """)

    assert list(found) == ["test_plain"]


def test_it_is_registered(suite: Suite) -> None:
    """Strict markers accept it, and ``pytest --markers`` says what it is."""
    suite.settings("strict_markers = true")

    result = suite.run("", "--markers")

    result.stdout.fnmatch_lines(["@pytest.mark.mtls(verify='on', ...): how mtls_nginx is to be set up*"])
