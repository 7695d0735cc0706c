"""Asks a running hekate as Slack would, signing with Slack's own library; prints one JSON line for each question."""

import json
import random
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

from slack_sdk.signature import SignatureVerifier

url, secret = sys.argv[1:3]
verifier = SignatureVerifier(secret)


def ask(name, text, *, signer=verifier, shift=0, used=None, expected=200):
    form = {
        "token": "deprecated",
        "team_id": "T1DC2JH3J",
        "team_domain": "testteamnow",
        "channel_id": "G8PSS9T3V",
        "channel_name": "foobar",
        "user_id": "U2CERLKJA",
        "user_name": "roadrunner",
        "command": "/roih",
        "text": text,
        "response_url": "https://hooks.slack.com/commands/T1DC2JH3J/397700885554/96rGlfmibIGlgcZRskXaIFfN",
        # Slack gives each command a word of its own, so that no two are alike.
        "trigger_id": f"398738663015.47445629121.{uuid.uuid4().hex}",
        "api_app_id": "A123456",
        "is_enterprise_install": "false",
    }
    body, headers = used or (urllib.parse.urlencode(form), None)
    if headers is None:
        timestamp = str(int(time.time()) + shift)
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signer.generate_signature(timestamp=timestamp, body=body),
        }
    request = urllib.request.Request(url, data=body.encode(), headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            status, answer = response.status, response.read()
    except urllib.error.HTTPError as error:
        status, answer = error.code, error.read()
    is_fine = status == expected
    if status == expected == 200:
        message = json.loads(answer)
        is_fine = is_fine and message["response_type"] == "ephemeral" and bool(message["text"])
        is_fine = is_fine and verifier.is_valid_request(body, headers)
    print(json.dumps({"name": name, "status": status, "fine": is_fine}))
    return body, headers


ask("everything", "")
ask("words", "status master blue")
ask("accents", "status mástér modrá")
ask("an emoji", "status :hekate-blue: 🟦")
ask("entities", "status &lt;!channel&gt; &amp;amp;")
ask("a mention", "status <@U012ABCDEF|someone> <#C012ABCDE|general>")
ask("a long paste", "x" * 20_000)
first = ask("to be repeated", "status api")
ask("repeated", "status api", used=first, expected=401)
ask("almost too old", "status", shift=-290)
ask("too old", "status", shift=-310, expected=401)
ask("from the future", "status", shift=310, expected=401)
ask("another secret", "status", signer=SignatureVerifier("another"), expected=401)
letters = "abc :<>&|`*_~\"'%+=/\\\n\t\u0000éž漢🟦\u202e"
source = random.Random(20261121)
for number in range(100):
    text = "".join(source.choice(letters) for _ in range(source.randrange(60)))
    ask(f"random {number}: {text!r}", text)


def press(name, payload, *, signer=verifier, expected=200, answer=""):
    body = urllib.parse.urlencode({"payload": json.dumps(payload)})
    timestamp = str(int(time.time()))
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": signer.generate_signature(timestamp=timestamp, body=body),
    }
    route = url.replace("/slack/command", "/slack/interactive")
    request = urllib.request.Request(route, data=body.encode(), headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            status, said = response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        status, said = error.code, error.read().decode()
    is_fine = status == expected and (said == "" if answer == "" else answer in said)
    print(json.dumps({"name": name, "status": status, "fine": is_fine}))


def click(action, value):
    return {
        "type": "block_actions",
        "user": {"id": "U2CERLKJA", "username": "roadrunner"},
        "trigger_id": uuid.uuid4().hex,
        "actions": [{"type": "button", "action_id": action, "value": value}],
    }


search = {
    "type": "block_suggestion",
    "block_id": "pick1 show|health|",
    "action_id": "hekate.pick",
    "value": "",
}
press("a click", click("hekate.ask", "1 status"))
press("an old click", click("hekate.ask", "0 status"))
press("a click with accents", click("hekate.ask", "1 status mástér 🔵"))
press("a menu", search, answer='"options"')
form = {
    "type": "view_submission",
    "user": {"id": "U0EVA", "username": "eva"},
    "team": {"id": "T0"},
    "view": {"callback_id": "hekate.action.type_name", "private_metadata": "1 abcd", "state": {"values": {}}},
}
press("a form", form, answer='"response_action"')
press("a form without anything", {"type": "view_submission"}, expected=400, answer="bad_interaction")
press("something that is not ours", {"type": "view_closed"})
press("a list", [], expected=400, answer="bad_interaction")
press("a forged click", click("hekate.ack", "1 t:api"), signer=SignatureVerifier("another"), expected=401, answer="not signed")
