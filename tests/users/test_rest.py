"""The management side of authtokens: who gets in, what a refusal says."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apiserver.server import options
from users import tokens
from users.models import User
from users.rest import AuthtokenAuthentication, MayManage


class Managed(APIView):
    authentication_classes = [AuthtokenAuthentication]
    permission_classes = [MayManage]

    def get(self, request: Request) -> Response:
        return Response({"who": str(request.user)})


def answer(token: str | None) -> HttpResponse:
    headers = {} if token is None else {"x-cdata-authtoken": token}
    request = RequestFactory().get("/manage/api/", headers=headers)
    response: HttpResponse = Managed.as_view()(request)
    return response


@pytest.mark.parametrize(("role", "status"), [("admin", 200), ("operator", 200), ("query", 403)])
def test_only_administrators_and_operators_manage(role: str, status: int) -> None:
    user = User.objects.create_user("somebody", role=role, privileges=["GET"])

    assert answer(tokens.generate(user, now=timezone.now())).status_code == status


@pytest.mark.parametrize("token", [None, "A" * 43])
def test_refusal_carries_the_challenge_and_the_code(token: str | None) -> None:
    response = answer(token)

    assert (response.status_code, response["WWW-Authenticate"].split()[0]) == (401, "Basic")
    assert response.data["error"]["code"] == "Unauthorized"  # type: ignore[attr-defined]


def test_nobody_manages_anonymously() -> None:
    User.objects.create_user("anonymous", role="admin", privileges=["GET"])
    options.save({"anonymous": True})

    assert answer(None).status_code == 403
