"""A Django application with django-health-check, 3 or 4, whose checks say what they are told.

`/set/<state>/` sets the state (ok, down, warning, crash), `/health/` is the endpoint. The port is the first line of
standard output.
"""

import dataclasses
import logging
import sys
import warnings
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
is_4 = sys.argv[1] == "4"
apps = ["django.contrib.contenttypes", "health_check"]
if not is_4:
    apps.append("health_check.cache")
settings.configure(
    ALLOWED_HOSTS=["*"],
    DEBUG=False,
    SECRET_KEY="only for this test",
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=apps,
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
)
django.setup()

from django.http import HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402
from health_check.exceptions import ServiceUnavailable, ServiceWarning  # noqa: E402

state = "ok"


def say():
    if state == "down":
        raise ServiceUnavailable("cannot reach amqp://app:hunter2@queue:5672/")
    if state == "warning":
        raise ServiceWarning("91 % of the queue is used")
    if state == "crash":
        raise RuntimeError("a fault of the check")


def set_state(_request, to):
    global state
    state = to
    return HttpResponse("set")


if is_4:
    from health_check.base import HealthCheck
    from health_check.views import HealthCheckView

    @dataclasses.dataclass
    class Broker(HealthCheck):
        async def run(self):
            say()

    view = HealthCheckView.as_view(checks=["health_check.checks.Cache", "health_check.checks.Database", Broker])
else:
    from health_check.backends import BaseHealthCheckBackend
    from health_check.plugins import plugin_dir
    from health_check.views import MainView

    class Broker(BaseHealthCheckBackend):
        def check_status(self):
            say()

    plugin_dir.register(Broker)
    view = MainView.as_view()

urlpatterns = [path("health/", view), path("set/<str:to>/", set_state)]


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


if __name__ == "__main__":
    from django.core.wsgi import get_wsgi_application

    with make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet) as server:
        print(server.server_port, flush=True)
        server.serve_forever()
