"""S17 and R16: what is signed in for by OAuth is linked to whom it should be, and renewed once, whoever asks and whoever dies."""

from __future__ import annotations

import random
import re
import time

from chaos.promises import promise, require
from chaos.site import folder
from chaos.suites import ran
from tests.connections.oauth_processes import Crew, Worker, crew, rounds
from tests.fakes.oauth_provider import Provider

EXPIRIES, THREADS = 100, (13, 13, 12, 12)
KILLS = 20
SAID = re.compile(r"(A renewal of the sign-in was cut off|The service no longer accepts this sign-in).* press Connect\.")


@promise("S17")
def nobody_links_another_account() -> str:
    files = ("tests/console/test_oauth_attacks.py", "tests/console/test_oauth_signin.py")
    found = ran(*files, "-k", "attack or issuer or draft or browser or code_or_address")
    require(found["attempts"] == 12, found)
    return f"0 of 12 attacks linked an account; {found}"


@promise("R16")
def one_process_renews_for_all() -> str:
    with folder() as where, Provider(pause=0.02) as provider, crew(provider, where) as found:
        workers = found.start(4)
        workers[0].ask("take 1")
        before = provider.refreshes
        wrong = rounds(found, workers, EXPIRIES, THREADS)
        refreshes = provider.refreshes - before
        require(not wrong and refreshes == EXPIRIES and not provider.refused, (wrong[:3], refreshes, provider.refused[:3]))
    kept, _ = killed(grace=60)
    survived, said = killed(grace=0)
    require(kept == KILLS, f"{kept} of {KILLS} grants survived at a service with a grace period")
    return (
        f"4 processes, {sum(THREADS)} parallel requests at each of {EXPIRIES} expiries: {refreshes} refreshes, 0 failures; "
        f"{KILLS} kill -9 at random moments of a refresh: {kept} recovered where the service takes a token once more; "
        f"elsewhere {survived} recovered, {said} asked to connect again"
    )


def killed(*, grace: float) -> tuple[int, int]:
    """Kill a process somewhere in a refresh, again and again; return how often the next one got a token, and how often it said why not."""
    survived = said = 0
    with folder() as where, Provider(grace=grace, pause=0.05) as provider, crew(provider, where) as found:
        next_one = found.start(1)[0]
        next_one.ask("take 1")
        for _ in range(KILLS):
            answer = after_a_kill(found, next_one, provider)
            token, error = answer
            survived += bool(token)
            if not token:
                require(SAID.fullmatch(error), error)
                said += 1
                found.seed()
                next_one.kill()
                next_one = found.start(1)[0]
                next_one.ask("take 1")
    return survived, said


def after_a_kill(found: Crew, next_one: Worker, provider: Provider) -> tuple[str, str]:
    """Kill one process during its refresh; return what another one gets then."""
    victim = found.start(1)[0]
    found.expire(next_one)
    seen = len(provider.calls)
    victim.tell("take 1")
    while len(provider.calls) == seen:
        time.sleep(0.001)
    time.sleep(random.uniform(0, 0.08))
    victim.kill()
    time.sleep(0.1)  # the service ends what it began
    [answer] = next_one.ask("take 1")
    token, error = answer
    return token, error
