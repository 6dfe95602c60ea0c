"""A page for clients without a good certificate is the application itself.

Symptom: `error_page 495 496 =200 /help` was to show a friendly page; expired and unknown clients get 200 from the
    application.
Cause: error_page is an internal redirect: the request goes on to whatever location /help is, `location /` for want of
    another, and nginx does not check the client again.
Safe: A location of its own that serves nothing but the page.
Versions: All alike.
Source: nginx documentation, "Error Processing" of ngx_http_ssl_module
"""

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    nginx = stage.nginx(error_pages={495: "=200 /help", 496: "=200 /help"})
    answers = [nginx.request(credential=each) for each in (None, stage.stranger, stage.credentials["expired"])]
    return all(each.status == 200 and each.forwarded is not None for each in answers)


def safe(stage: Stage) -> None:
    page = "location = /help { internal; return 403 'bring a certificate'; }"
    nginx = stage.nginx(error_pages={495: "= /help", 496: "= /help"}, directives=[page])
    for credential in (None, stage.stranger, stage.credentials["expired"]):
        outcome = nginx.request(credential=credential)
        assert (outcome.status, outcome.forwarded) == (403, None)
