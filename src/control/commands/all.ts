import type { ControlCommand } from '../command.ts'
import { addConsumer, cancelConsumer } from './consumers.ts'
import { election } from './election.ts'
import { disableEvents, enableEvents, heartbeat } from './events.ts'
import { hello } from './hello.ts'
import { active, queryTask, reserved, scheduled } from './inspect-requests.ts'
import { activeQueues, clock, conf, memdump, memsample, objgraph, registered, report, stats } from './inspect-worker.ts'
import { ping } from './ping.ts'
import { autoscale, poolGrow, poolRestart, poolShrink } from './pool.ts'
import { rateLimit } from './rate-limit.ts'
import { revoke, revokeByStampedHeaders, revoked, terminate } from './revoke.ts'
import { shutdown } from './shutdown.ts'
import { timeLimit } from './time-limit.ts'

/** Every remote-control command that a worker answers. */
export const commands: readonly ControlCommand[] = [
  ping,
  active,
  reserved,
  scheduled,
  queryTask,
  stats,
  registered,
  activeQueues,
  conf,
  report,
  clock,
  memsample,
  enableEvents,
  disableEvents,
  heartbeat,
  hello,
  revoked,
  revoke,
  terminate,
  revokeByStampedHeaders,
  addConsumer,
  cancelConsumer,
  rateLimit,
  timeLimit,
  poolGrow,
  poolShrink,
  autoscale,
  poolRestart,
  memdump,
  objgraph,
  election,
  shutdown,
]
