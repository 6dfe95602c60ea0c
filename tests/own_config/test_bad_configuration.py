"""Configurations that are wrong or hostile: one line that says where and what to do, and nothing outside is read."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_mtls import Harness, InvalidArgument, NginxStartError

SERVER = "listen 443 ssl; ssl_certificate a.pem; ssl_certificate_key a.key;"


@pytest.fixture(scope="module")
def harness() -> Iterator[Harness]:
    """Nothing is started: configurations are only read."""
    with Harness.open("process") as opened:
        yield opened


def loaded(harness: Harness, folder: Path, text: str, **arguments: Any) -> Any:
    from pytest_mtls.arguments import ServerArguments

    path = folder / "nginx.conf"
    path.write_text(text)
    return harness.resolve(ServerArguments.checked({"config": path, **arguments}, where="nginx()")).own


def http(lines: str) -> str:
    return f"events {{}}\nhttp {{\nserver {{ {SERVER}\n{lines}\n}}\n}}\n"


@pytest.mark.parametrize(
    "text, said",
    [
        ("events {}\nhttp {\n", r"nginx.conf:2: unexpected end of file"),
        ("events {}\nhttp {\n}\n}\n", r'nginx.conf:4: unexpected "}"'),
        (
            "events {}\nhttp {\nserver {\n listen 80\n}\n}\n",
            r'nginx.conf:4: unexpected "}" after \'80\'; ";" is missing',
        ),
        ("events {}\nuser 'a\n", r"nginx.conf:2: unexpected end of file"),
        ("events {}\nuser a", r"nginx.conf:2: unexpected end of file"),
        ("", "nothing listens"),
        ("events {}\nhttp {}\n", "nothing listens"),
        (http("include missing.conf;"), r"nginx.conf:4: include missing.conf: there is no such file .*Add it, or"),
        (http("include nginx.conf;"), "includes itself"),
        ("events {}\nhttp { server { include loop.conf; } }", "includes itself"),
        (http("include ../../etc/passwd;"), "leads out of"),
        (http("include /etc/passwd;"), "leads out of"),
        (http("include /etc/*.conf;"), "leads out of"),
        (http("include link.conf;"), "leads out of"),
        (http("include link*.conf;"), "leads out of"),
        (http("location / { try_files /../../../etc/passwd =404; }"), "nginx.conf:4: try_files .* leads out"),
        (http("error_page 404 /../../../etc/passwd;"), "leads out"),
        (http("rewrite ^ /../../../etc/passwd break;"), "leads out"),
        (http("set $x /../../etc/shadow;"), "leads out"),
        (http("secret_file /etc/shadow;"), "nothing outside"),
        (
            http("location / { content_by_lua_block { os.execute('id') } }"),
            "nginx.conf:4: content_by_lua_block runs code",
        ),
        (http("location / { content_by_lua_file x.lua; }"), "runs code"),
        (http("location / { perl 'sub { }'; }"), "perl runs code"),
        ("load_module x.so;\nevents {}\nhttp { js_import a from b.js;\nserver { listen 80; } }", "js_import runs code"),
        ("a {" * 200 + "}" * 200, "nested"),
    ],
)
def test_it_is_refused_with_file_and_line(harness: Harness, tmp_path: Path, text: str, said: str) -> None:
    """Never a traceback."""
    (tmp_path / "link.conf").symlink_to("/etc/passwd")
    (tmp_path / "loop.conf").write_text("location / { include loop.conf; }\n")

    with pytest.raises(InvalidArgument, match=said) as refused:
        loaded(harness, tmp_path, text)

    assert "root:" not in str(refused.value)


def test_bytes_that_are_no_text(harness: Harness, tmp_path: Path) -> None:
    """Said with their place."""
    (tmp_path / "a.conf").write_bytes(b"\xff\xfe")

    with pytest.raises(InvalidArgument, match=r"a\.conf: is not UTF-8 \(byte 0\)"):
        loaded(harness, tmp_path, http("include a.conf;"))


def test_files_that_include_each_other_many_times_over(harness: Harness, tmp_path: Path) -> None:
    """A small tree that would grow without end."""
    for number in range(9):
        (tmp_path / f"{number}.conf").write_text(f"include {number + 1}.conf;\n" * 10)
    (tmp_path / "9.conf").write_text("charset utf-8;\n")
    began = time.perf_counter()

    with pytest.raises(InvalidArgument, match="too many times"):
        loaded(harness, tmp_path, http("include 0.conf;"))

    assert time.perf_counter() - began < 10


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"verify": "on"}, "verify does not go with config="),
        ({"upstreams": {"apo": "127.0.0.1:1"}}, r"upstreams\['apo'\].*Did you mean 'api'"),
        ({"upstreams": {"api": "file:///etc/passwd"}}, "no path"),
        ({"upstreams": {"api": 5}}, "neither a URL"),
        ({"upstreams": {"api": "a;b"}}, "neither a URL"),
        ({"upstreams": "api"}, "not a mapping"),
        ({"files": {"/nowhere": b""}}, r"files\['/nowhere'\]: the configuration names nothing"),
        ({"files": {"a.pem": 5}}, "give bytes"),
        ({"files": {"a.pem": "missing.pem"}}, "cannot read"),
    ],
)
def test_arguments_that_do_not_fit(harness: Harness, tmp_path: Path, arguments: dict[str, Any], said: str) -> None:
    """Said by their names."""
    text = http("location / { proxy_pass http://api; }").replace("http {", "http { upstream api { server b:1; }", 1)

    with pytest.raises(InvalidArgument, match=said):
        loaded(harness, tmp_path, text, **arguments)


def test_nothing_is_opened_beyond_loopback(harness: Harness, tmp_path: Path) -> None:
    """Whatever it listens on, takes out or names, what runs has addresses of the test's only."""
    text = """daemon on; user root; env SECRET; pid /etc/pid; error_log syslog:server=10.0.0.1;
events {}
mail { server { listen 25; auth_http 10.0.0.1; } }
http {
    client_body_temp_path /etc; proxy_cache_path /etc keys_zone=a:1m; resolver 8.8.8.8; ssl_stapling on;
    access_log syslog:server=10.0.0.1;
    server { listen 0.0.0.0:80; listen unix:/etc/x.sock; proxy_store /etc/x; root /; dav_methods PUT;
             ssl_ocsp on; ssl_ocsp_responder http://10.0.0.1/; ssl_conf_command PrivateKey /etc/shadow;
             auth_basic_user_file /etc/shadow; ssl_certificate /etc/shadow;
             location / { proxy_pass http://10.0.0.1:1; proxy_bind 10.0.0.1; }
             location /a { grpc_pass grpc://10.0.0.1:1; }
             location /b { set $x http://10.0.0.1; proxy_pass $x; }
             location /c { proxy_pass http://10.0.0.$arg_x:1; } }
    server { location / { return 200; } }
}
stream { map $ssl_server_name $to { default 10.0.0.1:1; } server { listen 53 udp; proxy_pass 10.0.0.1:1; }
         server { listen 1; proxy_pass $to; } server { listen 2; proxy_pass $upstream_x; } }
"""
    own = loaded(harness, tmp_path, text)

    runs = "\n".join([own.main, *(text for _, text in own.texts)])
    for gone in ("10.0.0.", "/etc", "0.0.0.0", "unix:", "daemon", "mail", "udp", "8.8.8.8", "SECRET", "listen 25"):
        assert gone not in runs, gone
    assert own.written == ("*:80", "unix:/etc/x.sock", "*:1", "*:2")
    assert not any(b"root:" in file.content for _, file in own.files)


def test_an_include_that_matches_nothing_is_said(harness: Harness, tmp_path: Path) -> None:
    """nginx itself says nothing of a pattern."""
    own = loaded(harness, tmp_path, http("include sites-enabled/*;"))

    (change,) = [each for each in own.changes if each.directive == "include"]
    assert (change.file, change.line) == ("nginx.conf", 4)
    assert "no file matches" in change.changed


def test_two_thousand_lines_load_in_a_second(harness: Harness, tmp_path: Path) -> None:
    """In a hundred files."""
    (tmp_path / "tls.conf").write_text("ssl_certificate a.pem;\nssl_certificate_key a.key;\n")
    for number in range(100):
        lines = "".join(f"location /{each} {{ proxy_pass http://b{each}:80; }}\n" for each in range(18))
        server = f"server {{ listen 443 ssl; server_name s{number}.test; include tls.conf;\n{lines}}}\n"
        (tmp_path / f"{number}.conf").write_text(server)
    harness.ca.issue_server("warm.test")
    began = time.perf_counter()

    own = loaded(harness, tmp_path, "events {}\nhttp { include [0-9]*.conf; }\n")

    took = time.perf_counter() - began
    assert sum(1 for each in own.changes if each.directive == "proxy_pass") == 1800
    assert took < 1, f"{took:.2f} s"


@pytest.mark.parametrize(
    "lines, said",
    [
        ("include $host.conf;", r"nginx.conf:4: include \$host.conf: there is no such file .*Add it, or"),
        ("set $which clients; include conf.d/$which/*.conf;", ""),
        ("location / { try_files /files/$arg_name =404; }", r"nginx.conf:4: try_files .*: a client chooses this path"),
        ("location / { set $file $http_x_file; try_files $file =404; }", "a client chooses this path"),
        ("location / { set $a $b; set $b $a$cookie_file; index $a; }", "nginx.conf:4: index .*: a client chooses"),
        ("location / { try_files $uri $uri/ /index.php?$args; }", ""),
        ("location / { root /srv/$host; }\nlocation /a { alias /home/$arg_user/; }", ""),
        ("set_real_ip_from 10.0.0.0/8; set_real_ip_from 2001:db8::/32;", ""),
    ],
)
def test_a_path_of_variables_leads_nowhere(harness: Harness, tmp_path: Path, lines: str, said: str) -> None:
    """Refused where a client could choose it; else what it names is minted, empty, or in the folder."""
    if said:
        with pytest.raises(InvalidArgument, match=said):
            loaded(harness, tmp_path, http(lines))
        return
    own = loaded(harness, tmp_path, http(lines))

    assert not any(name in own.main for name in ("/srv", "/home"))


def test_a_certificate_named_by_a_variable_is_minted(harness: Harness, tmp_path: Path) -> None:
    """One for the names of its server, and the change says so."""
    text = http("").replace("a.pem", "/etc/ssl/$ssl_server_name.pem").replace("a.key", "data:$secret_key")

    own = loaded(harness, tmp_path, text)

    assert "/etc/ssl" not in own.main
    assert "$" not in own.main
    said = [str(each) for each in own.changes]
    assert any(
        each.startswith("nginx.conf:3: ssl_certificate: /etc/ssl/$ssl_server_name.pem -> minted/") for each in said
    )
    assert any(each.startswith("nginx.conf:3: ssl_certificate_key: data:$secret_key -> minted/") for each in said)


def test_names_are_not_looked_up(harness: Harness, tmp_path: Path) -> None:
    """nginx would ask a resolver of this machine for these, at its start."""
    own = loaded(
        harness, tmp_path, http("set_real_ip_from proxy.internal;\nlocation / { proxy_pass http://x.internal; }")
    )

    assert ".internal" not in own.main
    assert (
        "nginx.conf:4: set_real_ip_from: proxy.internal taken out "
        "(its name would be looked up: nothing beyond this machine is spoken to)"
    ) in [str(each) for each in own.changes]


def test_a_target_that_cannot_be_read_off_says_how_to_name_it(harness: Harness, tmp_path: Path) -> None:
    """Of every protocol: requests go to the recorder until it is named."""
    passes = ("proxy_pass http://$arg_a", "grpc_pass $arg_b", "uwsgi_pass $arg_c")
    lines = "\n".join(f"location /{number} {{ {each}; }}" for number, each in enumerate(passes))
    own = loaded(harness, tmp_path, http(lines))

    whys = {each.line: each.why for each in own.changes if each.directive.endswith("_pass")}
    assert "upstreams={'$arg_a': ...}" in whys[4]
    assert "upstreams={'$arg_b': 'host:port'}" in whys[5]
    assert "upstreams={'$arg_c': 'host:port'}" in whys[6]


def test_a_target_of_the_test_s_that_cannot_be_resolved(harness: Harness, tmp_path: Path) -> None:
    """nginx looks it up when it starts; the message says which it was, and what to name instead."""
    (tmp_path / "nginx.conf").write_text(http("location / { proxy_pass http://api.internal; }"))

    with pytest.raises(
        NginxStartError, match=r'host not found in upstream "gone\.invalid" in \S+nginx\.conf:4'
    ) as refused:
        harness.nginx(config=tmp_path / "nginx.conf", upstreams={"api.internal": "http://gone.invalid:80"})

    assert "Name an address" in str(refused.value)


def test_a_directive_of_a_missing_module_is_named_with_what_to_do(process_harness: Harness, tmp_path: Path) -> None:
    """The bundled nginx has few modules; the distributions' have many."""
    config = tmp_path / "nginx.conf"
    config.write_text("events {}\nhttp { server { listen 80;\n  location /status { stub_status; } } }\n")

    with pytest.raises(NginxStartError, match=r'unknown directive "stub_status" in \S+nginx\.conf:3') as refused:
        process_harness.nginx(config=config)

    assert "--nginx trixie" in str(refused.value)


def test_a_container_that_is_not_there(harness: Harness, tmp_path: Path) -> None:
    """Said before nginx starts, as for upstream=."""
    text = http("location / { proxy_pass http://api.internal; }")

    with pytest.raises(InvalidArgument, match=r"upstreams\['api.internal'\]='container://x' is not of the form"):
        loaded(harness, tmp_path, text, upstreams={"api.internal": "container://x"})
