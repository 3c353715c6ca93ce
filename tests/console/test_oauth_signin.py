"""Signing in through the console: begun and finished by one browser."""

from __future__ import annotations

import re
import socket
import urllib.error
import urllib.request
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from apiserver.server.models import Audit
from connections import services
from connections.models import Connection, OAuthGrant, OAuthSignIn
from tests.connections.oauth import connection_to, grant_to, properties, tokens_of
from tests.console.oauth_pages import ADD, CALLBACK, HTMX, allowed, begin, come_back, text_of
from tests.fakes.oauth_provider import SECRET, Provider
from tests.fakes.upstream import Answer
from tests.servers import free_port

__all__ = ["allowed"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe")]
SITE = "http://testserver:80"


def test_form_shows_the_callback_address_before_it_asks_for_the_client(as_admin: Client) -> None:
    page = text_of(as_admin.get(ADD))

    assert page.index('value="http://testserver:80/console/connections/oauth/callback"') < page.index('name="OAuthClientId"')
    assert all(text in page for text in ('data-copy="callback"', "Connect to Bitbucket", "Not connected", "Web", "Desktop", "Headless"))


def test_connect_leads_to_the_service_with_state_challenge_and_exact_address(as_admin: Client, allowed: Provider) -> None:
    address = begin(as_admin, allowed, Scope="repository account")

    asked = dict(parse_qsl(urlsplit(address).query))
    assert address.startswith(f"{allowed.url}/authorize?")
    assert {name: asked[name] for name in ("response_type", "redirect_uri", "code_challenge_method", "scope")} == {
        "response_type": "code",
        "redirect_uri": f"{SITE}{CALLBACK}",
        "code_challenge_method": "S256",
        "scope": "repository account",
    }
    assert (len(asked["state"]) >= 43, len(asked["code_challenge"]), SECRET in address) == (True, 43, False)


def test_page_without_script_leads_on_too(as_admin: Client, allowed: Provider) -> None:
    page = text_of(as_admin.post(ADD, {"connect": "browser", "name": "cloud", **properties(allowed)}))

    assert re.search(rf'http-equiv="refresh" content="0; url={re.escape(allowed.url)}/authorize\?', page)


def test_new_connection_is_signed_in_before_it_is_stored_and_stored_with_its_grant(as_admin: Client, allowed: Provider) -> None:
    back = allowed.consent(begin(as_admin, allowed, name="", labels="a, b"))

    answer = come_back(as_admin, back)
    assert (answer.status_code, Connection.objects.count(), OAuthGrant.objects.count()) == (302, 0, 0)
    page = text_of(as_admin.get(answer["Location"]))
    assert all(text in page for text in ("Connected as Ada &lt;Lovelace&gt;.", 'value="a, b"', f'value="{allowed.url}"', "repository:read"))
    assert SECRET not in page
    draft = re.search(r'name="draft" value="(\d+)"', page)
    fields = {"draft": draft[1], "name": "cloud", "URL": allowed.url, "OAuthClientId": "consumer-key"}  # type: ignore[index]
    stored = text_of(as_admin.post(ADD, fields, follow=True))

    cloud = Connection.objects.get()
    assert ("Saved. The connection works." in stored, services.values_of(cloud)["OAuthClientSecret"]) == (True, SECRET)
    assert (tokens_of(cloud).access(), OAuthGrant.objects.get().account) == (allowed.families[0].access, "Ada <Lovelace>")
    assert (OAuthSignIn.objects.count(), Audit.objects.filter(action="signed in at a service").count()) == (0, 1)


def test_what_is_kept_meanwhile_is_sealed(as_admin: Client, allowed: Provider) -> None:
    address = begin(as_admin, allowed)
    state = dict(parse_qsl(urlsplit(address).query))["state"]

    kept = repr(OAuthSignIn.objects.values().get())

    assert (SECRET in kept, state in kept, "consumer-key" in kept) == (False, False, False)


def test_stored_connection_is_saved_and_signed_in(as_admin: Client, allowed: Provider) -> None:
    cloud = connection_to(allowed)
    before = cloud.version

    answer = come_back(as_admin, allowed.consent(begin(as_admin, allowed, f"/console/connections/{cloud.pk}")))

    cloud.refresh_from_db()
    assert (answer["Location"], cloud.version > before) == (f"/console/connections/{cloud.pk}", True)
    page = text_of(as_admin.get(answer["Location"]))
    assert all(text in page for text in ("Connected as", "Account", "Last renewed", "Forgotten when unused until", "Disconnect"))
    assert allowed.families[0].access not in page


def test_connect_again_takes_the_place_of_a_broken_grant(as_admin: Client, allowed: Provider) -> None:
    cloud = connection_to(allowed)
    grant_to(cloud, allowed)
    OAuthGrant.objects.update(problem="A renewal of the sign-in was cut off before its answer was stored.")
    before = text_of(as_admin.get(f"/console/connections/{cloud.pk}"))

    come_back(as_admin, allowed.consent(begin(as_admin, allowed, f"/console/connections/{cloud.pk}")))

    assert ("cut off" in before, "Connect again" in before) == (True, True)
    assert (OAuthGrant.objects.get().problem, tokens_of(cloud).access()) == ("", allowed.families[-1].access)


def test_sign_in_of_a_stored_connection_forgets_the_test_of_another_one(as_admin: Client, allowed: Provider) -> None:
    cloud = connection_to(allowed)
    Connection.objects.update(last_test={"ok": False, "at": timezone.now().isoformat(), "steps": []})

    come_back(as_admin, allowed.consent(begin(as_admin, allowed, f"/console/connections/{cloud.pk}")))

    assert Connection.objects.get().last_test is None


def test_answer_that_is_loaded_again_is_told_from_a_foreign_one(as_admin: Client, allowed: Provider) -> None:
    cloud = connection_to(allowed)
    back = allowed.consent(begin(as_admin, allowed, f"/console/connections/{cloud.pk}"))
    come_back(as_admin, back)

    page = come_back(as_admin, back)

    assert (page.status_code, "This answer was taken before" in text_of(page), "Nothing was stored" in text_of(page)) == (400, True, False)
    assert "Not connected" not in text_of(page)


def test_code_that_the_service_does_not_take_is_said_so(as_admin: Client, allowed: Provider) -> None:
    cloud = connection_to(allowed)
    grant_to(cloud, allowed)
    state = dict(parse_qsl(urlsplit(begin(as_admin, allowed, f"/console/connections/{cloud.pk}")).query))["state"]

    page = text_of(as_admin.get(CALLBACK, {"code": "invented", "state": state}, follow=True))

    assert "The service did not take the code (invalid_grant: unknown code)." in page
    assert OAuthGrant.objects.get().problem == ""


def test_missing_client_is_said_at_its_field(as_admin: Client, allowed: Provider) -> None:
    answer = as_admin.post(ADD, {"connect": "browser", "name": "cloud", "URL": allowed.url, "AuthScheme": "OAuth"})

    assert (answer.status_code, answer.context["form"].errors["OAuthClientId"]) == (422, ["a value is required"])


def test_client_credentials_have_nobody_to_sign_in(as_admin: Client, allowed: Provider) -> None:
    answer = as_admin.post(ADD, {"connect": "browser", "name": "cloud", **properties(allowed, AuthScheme="OAuthClient")})

    assert (answer.status_code, "do not sign in through a browser" in text_of(answer)) == (422, True)


def code_page(client: Client, provider: Provider, **more: Any) -> tuple[str, str]:
    """Press Sign in by code; return the page's path and the address that it shows."""
    path = client.post(ADD, {"connect": "code", "name": "cloud", **properties(provider, **more)}, headers=HTMX)["HX-Redirect"]
    return path, client.get(path).context["address"]


@pytest.mark.parametrize("is_whole", [True, False])
def test_code_or_address_can_be_pasted(as_admin: Client, allowed: Provider, is_whole: bool) -> None:
    path, address = code_page(as_admin, allowed, CallbackURL="http://localhost:33333")
    back = allowed.consent(address)
    pasted = f" {back} " if is_whole else parse_qs(urlsplit(back).query)["code"][0]

    answer = as_admin.post(path, {"verifier": pasted}, follow=True)

    assert (back.startswith("http://localhost:33333?"), "Connected as" in text_of(answer)) == (True, True)


@pytest.mark.parametrize("pasted", ["http://localhost:33333?code=x&state=other", "http://localhost:33333/", "x" * 5000, "?code=a&code=b"])
def test_what_is_no_answer_is_refused(as_admin: Client, allowed: Provider, pasted: str) -> None:
    path, _ = code_page(as_admin, allowed, CallbackURL="http://localhost:33333")

    as_admin.post(path, {"verifier": pasted})

    assert OAuthSignIn.objects.filter(is_back=True).count() == (pasted == "x" * 5000)
    assert allowed.calls == []


def test_code_page_belongs_to_its_browser(as_admin: Client, as_operator: Client, allowed: Provider) -> None:
    path, _ = code_page(as_admin, allowed)

    assert (as_admin.get(path).status_code, as_operator.get(path).status_code) == (200, 404)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        return None


def fetch(address: str) -> tuple[int, str]:
    """Return status and Location of one GET."""
    try:
        with urllib.request.build_opener(NoRedirect).open(address, timeout=10) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Location", "")


def test_desktop_listener_sends_the_browser_on_once(as_admin: Client, allowed: Provider) -> None:
    port = free_port()
    back = allowed.consent(begin(as_admin, allowed, CallbackURL=f"http://localhost:{port}"))

    assert back.startswith(f"http://localhost:{port}?")
    assert fetch(f"http://127.0.0.1:{port}/?code=x&state=foreign") == (400, "")
    status, location = fetch(f"http://127.0.0.1:{port}/?{urlsplit(back).query}")
    assert (status, location) == (302, f"{SITE}{CALLBACK}?{urlsplit(back).query}")
    assert "Connected as" in text_of(as_admin.get(come_back(as_admin, location)["Location"]))
    with pytest.raises(OSError):
        for _ in range(100):
            fetch(f"http://127.0.0.1:{port}/?{urlsplit(back).query}")


def test_port_that_is_taken_is_said_at_its_field(as_admin: Client, allowed: Provider) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        callback = f"http://localhost:{taken.getsockname()[1]}"
        answer = as_admin.post(ADD, {"connect": "browser", "name": "cloud", **properties(allowed, CallbackURL=callback)})

    assert (answer.status_code, "this port is taken" in str(answer.context["form"].errors["CallbackURL"])) == (422, True)


def test_desktop_flow_from_another_machine_asks_for_the_code(as_admin: Client, allowed: Provider) -> None:
    from apiserver.server import stamp
    from apiserver.server.models import ServerSettings

    values = {"outgoing": {"allow": list(allowed.allow)}, "trusted_addresses": ["127.0.0.1", "10.0.0.9"]}
    ServerSettings.objects.update(values=values)
    stamp.changed()
    stamp.forget()
    fields = {"connect": "browser", "name": "cloud", **properties(allowed, CallbackURL="http://localhost:33333")}

    answer = as_admin.post(ADD, fields, headers=HTMX, REMOTE_ADDR="10.0.0.9")

    assert re.fullmatch(r"/console/connections/oauth/\d+/code", answer["HX-Redirect"])


def test_disconnect_deletes_and_tells_the_service(as_admin: Client, allowed: Provider) -> None:
    cloud = connection_to(allowed)
    grant_to(cloud, allowed)

    page = text_of(as_admin.post(f"/console/connections/{cloud.pk}/disconnect", follow=True))

    assert ("Disconnected: the tokens are deleted here." in page, len(allowed.revoked)) == (True, 2)


def test_disconnect_says_when_the_service_could_not_be_told(as_admin: Client, allowed: Provider) -> None:
    cloud = connection_to(allowed)
    grant_to(cloud, allowed)
    allowed.route("/revoke", lambda _: Answer({}, 503), "POST")

    page = text_of(as_admin.post(f"/console/connections/{cloud.pk}/disconnect", follow=True))

    assert ("answered 503" in page, OAuthGrant.objects.get().access) == (True, "")


def test_sign_in_that_will_be_forgotten_soon_is_warned_of(as_admin: Client, allowed: Provider) -> None:
    cloud = connection_to(allowed)
    grant_to(cloud, allowed)
    before = text_of(as_admin.get(f"/console/connections/{cloud.pk}"))
    OAuthGrant.objects.update(refreshed=timezone.now() - timedelta(days=80))

    after = text_of(as_admin.get(f"/console/connections/{cloud.pk}"))

    assert ("Nothing has used this sign-in for long" in before, "Nothing has used this sign-in for long" in after) == (False, True)


def test_bitbucket_is_signed_in_as_its_manifest_says(as_admin: Client, allowed: Provider) -> None:
    allowed.route("/user", allowed.me, "GET")
    addresses = {"OAuthAuthorizationURL": f"{allowed.url}/authorize", "OAuthAccessTokenURL": f"{allowed.url}/token"}
    fields = {**properties(allowed), **addresses, "AuthScheme": "OAuth", "Workspace": "team", "name": "bits"}
    form = "/console/connections/add/bitbucket"
    address = as_admin.post(form, {"connect": "browser", **fields}, headers=HTMX)["HX-Redirect"]

    back = come_back(as_admin, allowed.consent(address))
    page = text_of(as_admin.get(back["Location"]))
    draft = parse_qs(urlsplit(back["Location"]).query)["draft"][0]
    as_admin.post(form, {**fields, "draft": draft, "OAuthClientSecret": ""})

    assert ("Connected as Ada &lt;Lovelace&gt;." in page, 'value="team"' in page) == (True, True)
    assert tokens_of(Connection.objects.get(name="bits")).access() == allowed.families[0].access


@pytest.mark.parametrize(("key", "is_shown"), [("bitbucket", True), ("rest", True), ("odata", True), ("sqlite", False)])
def test_connect_is_offered_by_connectors_that_sign_in_by_oauth(as_admin: Client, key: str, is_shown: bool) -> None:
    page = text_of(as_admin.get(f"/console/connections/add/{key}"))

    assert ("Three ways to sign in" in page, 'id="callback"' in page) == (is_shown, is_shown)
