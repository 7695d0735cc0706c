// A NestJS application with terminus whose indicators say what they are told: `/set?to=down` sets the state,
// `/set?to=stopping` begins a shutdown that waits, `/health` is the endpoint. The port is the first line of standard output. The only argument is the folder of its packages.

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

const require = createRequire(join(process.argv[2], 'index.js'));
const load = async (name) => import(pathToFileURL(require.resolve(name)));
await load('reflect-metadata');
const { Controller, Get, Module } = await load('@nestjs/common');
const { NestFactory } = await load('@nestjs/core');
const { HealthCheckService, HealthIndicatorService, TerminusModule } = await load('@nestjs/terminus');

let state = 'ok';

class Health {
  constructor(health, indicators) {
    this.health = health;
    this.indicators = indicators;
  }

  check() {
    return this.health.check([
      () => this.indicators.check('database').up({ latencyMs: 3 }),
      () => {
        const queue = this.indicators.check('queue');
        return state === 'down' ? queue.down({ message: 'connect ECONNREFUSED 10.0.0.7:5672' }) : queue.up();
      },
    ]);
  }
}

class Control {
  set(request) {
    state = new URL(request.url, 'http://x').searchParams.get('to');
    if (state === 'stopping') process.kill(process.pid, 'SIGTERM');
    return 'set';
  }
}

const { Req } = await load('@nestjs/common');
const get = (type, name, path) =>
  Get(path)(type.prototype, name, Object.getOwnPropertyDescriptor(type.prototype, name));
get(Health, 'check', 'health');
get(Control, 'set', 'set');
Req()(Control.prototype, 'set', 0);
Controller()(Health);
Controller()(Control);
Reflect.defineMetadata('design:paramtypes', [HealthCheckService, HealthIndicatorService], Health);

class App {}
Module({ imports: [TerminusModule.forRoot({ logger: false, gracefulShutdownTimeoutMs: 60_000 })], controllers: [Health, Control] })(App);

const app = await NestFactory.create(App, { logger: false });
app.enableShutdownHooks();
await app.listen(0, '127.0.0.1');
console.log(app.getHttpServer().address().port);
