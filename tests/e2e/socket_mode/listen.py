"""Listens to a stand-in of Slack with Slack's own library, and answers every command with what it heard.

Usage: listen.py BASE_URL APP_TOKEN
"""

import sys
import threading

from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web import WebClient

base, token = sys.argv[1:]
client = SocketModeClient(app_token=token, web_client=WebClient(base_url=f"{base}/api/"))


def heard(client, request):
    payload = request.payload
    text = f"heard {payload['command']} {payload['text']} of {payload['user_id']}"
    client.send_socket_mode_response(
        SocketModeResponse(envelope_id=request.envelope_id, payload={"text": text})
    )


client.socket_mode_request_listeners.append(heard)
client.connect()
threading.Event().wait()
