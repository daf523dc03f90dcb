import type { ServerInfo } from '../../broker/broker.ts'
import { type Finding, ok, warning } from './finding.ts'

// The headers of a quarantined message alone may take this much of a frame.
const SMALLEST_FRAME = 65_536

/** Judges the broker's software, and the limits agreed with it. `heartbeat` in milliseconds, as asked for. */
export function judgeServer(server: ServerInfo): readonly Finding[] {
  return [judgeVersion(server), judgeFrame(server), judgeHeartbeat(server)]
}

function judgeVersion({ product, version, builtInFor }: ServerInfo): Finding {
  const check = 'broker version'
  if (builtInFor !== undefined) {
    const whose = builtInFor === '' ? '' : `, of twq dev in ${builtInFor}`
    const why = 'It is for development and tests: it keeps nothing on disk.'
    return warning(check, `twq's built-in broker${whose}`, why, 'Use RabbitMQ in production')
  }
  const name = `${product} ${version}`
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (product !== 'RabbitMQ') {
    return warning(check, name, 'twq is tested with RabbitMQ only.', 'Use RabbitMQ')
  }
  if (major < 3 || (major === 3 && minor < 8)) {
    return warning(check, name, 'It is older than what twq is made for, 3.8.', 'Upgrade RabbitMQ')
  }
  if (major > 4 || (major === 4 && minor >= 3)) {
    return warning(
      check,
      name,
      'It refuses the control and event queues that Celery before 5.6 declares (transient, not exclusive), and ends the connection with 541. twq declares its own as it should.',
      'Upgrade Python workers and monitors to Celery 5.6, with control_queue_exclusive and event_queue_exclusive',
    )
  }
  if (major === 4) {
    return ok(
      check,
      name,
      'Its quorum queues drop a message that came back 20 times, unless x-delivery-limit says otherwise.',
    )
  }
  return ok(check, name)
}

function judgeFrame({ frameMax }: ServerInfo): Finding {
  const check = 'frame size'
  if (frameMax === 0 || frameMax >= SMALLEST_FRAME) return ok(check, `${frameMax} bytes`)
  return warning(
    check,
    `${frameMax} bytes`,
    "A message's headers have to fit into one frame; larger ones can't be sent.",
    'Set frame_max = 131072 in rabbitmq.conf',
  )
}

function judgeHeartbeat({ heartbeat }: ServerInfo): Finding {
  const check = 'heartbeat'
  if (heartbeat > 0) return ok(check, `${heartbeat} s`)
  return warning(
    check,
    'the connection has none',
    'One that died without a word is not noticed.',
    "Set heartbeat: '10s', and a heartbeat other than 0 in rabbitmq.conf",
  )
}
