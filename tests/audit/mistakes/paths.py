"""What a path is taken for."""

from __future__ import annotations

from tests.audit.mistakes.mistake import Mistake

_MANAGE = "    location ~* ^/manage {"

MISTAKES = (
    Mistake(
        "map-of-request_uri",
        "areas",
        (("conf.d/areas.map", "map $uri $area", "map $request_uri $area"),),
        rule="path-slips-past-check",
        grade="critical",
        line=("conf.d/areas.map", "$request_uri"),
    ),
    Mistake(
        "map-minds-case",
        "areas",
        (("conf.d/areas.map", "~*^/admin(/|$)      staff", "~^/admin(/|$)       staff"),),
        rule="path-slips-past-check",
        grade="warning",
        line=("conf.d/areas.map", "$uri $area"),
    ),
    Mistake(
        "exception-without-an-anchor",
        "areas",
        (
            ("conf.d/areas.map", "map $uri $area", "map $request_uri $area"),
            ("conf.d/areas.map", "    default             public;\n", "    default             staff;\n"
             "    ~/status            public;\n"),
        ),
        rule="path-slips-past-check",
        grade="critical",
        line=("conf.d/areas.map", "$request_uri"),
    ),
    Mistake(
        "condition-on-request_uri",
        "areas",
        (("conf.d/shop.conf", "    if ($refused) { return 403; }\n", "    set $denied 0;\n"
          "    if ($request_uri ~* ^/admin) { set $denied A; }\n"
          "    if ($ssl_client_verify != SUCCESS) { set $denied \"${denied}B\"; }\n"
          "    if ($denied = AB) { return 403; }\n"),),
        rule="path-slips-past-check",
        grade="critical",
        line=("conf.d/shop.conf", "$request_uri"),
    ),
    Mistake(
        "location-minds-case",
        "areas",
        (("conf.d/console.conf", _MANAGE, "    location /manage {"),),
        rule="path-slips-past-check",
        grade="warning",
        line=("conf.d/console.conf", "location /manage"),
    ),
    Mistake(
        "exact-location",
        "areas",
        (("conf.d/console.conf", _MANAGE, "    location = /manage {"),),
        rule="path-slips-past-check",
        grade="warning",
        line=("conf.d/console.conf", "location = /manage"),
    ),
    Mistake(
        "slashes-not-merged",
        "areas",
        (("conf.d/console.conf", "    ssl_verify_client optional;\n",
          "    ssl_verify_client optional;\n    merge_slashes off;\n"),),
        rule="path-slips-past-check",
        grade="warning",
        line=("conf.d/console.conf", "^/manage"),
    ),
    Mistake(
        "styles-before-the-check",
        "areas",
        (("conf.d/console.conf", _MANAGE, "    location ~* \\.(css|js|png)$ {\n        expires 30d;\n"
          "        proxy_pass http://console;\n    }\n    location /manage {"),),
        rule="path-taken-by-another-location",
        grade="warning",
        line=("conf.d/console.conf", "css|js"),
    ),
)  # fmt: skip
