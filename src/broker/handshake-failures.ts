import { messageOf, TwqError } from '../errors.ts'
import { shellWord } from '../runtime/text/shell-word.ts'
import { limitHint, type Refusal } from './failures.ts'
import { type BrokerAddress, describeAddress } from './url.ts'

/** Why no connection came about, before or during the TCP and TLS set-up. */
export function socketFailure(error: unknown, address: BrokerAddress): TwqError {
  const where = describeAddress(address)
  const cause = firstOf(error)
  const code = (cause as NodeJS.ErrnoException).code ?? ''
  const unreachable = (what: string, hint: string): TwqError =>
    new TwqError('TWQ_BROKER_UNREACHABLE', what, { hint, cause: error })
  switch (code) {
    case 'ECONNREFUSED':
      return unreachable(
        `nothing listens at ${where}`,
        `Is RabbitMQ running there, and is the port right? Check: rabbitmq-diagnostics listeners${isThisMachine(address.host) ? NO_RABBIT_YET : ''}`,
      )
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return unreachable(
        `the host name ${address.host} can't be resolved`,
        'Check the host in the broker URL, and the name server.',
      )
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
      return unreachable(
        `${where} can't be reached (${code})`,
        'Check the address in the broker URL, the network and the firewall.',
      )
    default:
      break
  }
  if (address.tls && isTlsFailure(code)) return tlsFailure(code, cause, address)
  return unreachable(`the connection to ${where} failed: ${messageOf(cause)}`, handshakeHint(address))
}

/** The handshake took longer than allowed. */
export function handshakeTimeout(address: BrokerAddress, ms: number): TwqError {
  return new TwqError('TWQ_BROKER_UNREACHABLE', `${describeAddress(address)} did not answer within ${ms / 1_000} s`, {
    hint: handshakeHint(address),
  })
}

/** Why the AMQP handshake failed; `refusal` is what the broker said, if it said something. */
export function handshakeFailure(failure: unknown, refusal: Refusal | undefined, address: BrokerAddress): TwqError {
  const where = describeAddress(address)
  const text = refusal?.text ?? messageOf(failure)
  // What the broker said says more than which frame amqplib had expected instead.
  const error = refusal === undefined ? failure : new Error(`${refusal.code} ${refusal.text}`, { cause: failure })
  if (/^NOT_ALLOWED - vhost .* not found/.test(text)) {
    return new TwqError('TWQ_BROKER_VHOST', `there is no vhost "${address.vhost}" on ${where}`, {
      hint: `Create it: rabbitmqctl add_vhost ${shellWord(address.vhost)}\nThe vhost "/" is written amqp://host// or amqp://host/%2F.`,
      cause: error,
    })
  }
  if (/vhost .* is down/.test(text)) {
    return new TwqError('TWQ_BROKER_UNREACHABLE', `the vhost "${address.vhost}" on ${where} is down`, {
      hint: `Restart it: rabbitmqctl restart_vhost --vhost ${shellWord(address.vhost)}`,
      cause: error,
    })
  }
  const limit = limitHint(text)
  // It is over once others have closed their connections.
  if (limit !== undefined) {
    return new TwqError('TWQ_BROKER_UNREACHABLE', `${where} takes no more connections: ${text}`, {
      hint: limit,
      cause: error,
    })
  }
  if (/access to vhost .* refused/.test(text)) {
    return new TwqError(
      'TWQ_BROKER_VHOST',
      `user "${address.user}" may not use the vhost "${address.vhost}" on ${where}`,
      {
        hint: `Allow it: rabbitmqctl set_permissions -p ${shellWord(address.vhost)} ${shellWord(address.user)} '.*' '.*' '.*'`,
        cause: error,
      },
    )
  }
  if (refusal?.code === 403 || /ACCESS[_-]REFUSED/.test(text)) {
    const local = /can only connect via localhost/.test(text) || address.user === 'guest'
    return new TwqError('TWQ_BROKER_AUTH', `login refused for user "${address.user}" on ${where}`, {
      hint: local
        ? 'Check the password. The user guest may log in from localhost only, unless the broker says otherwise: create a user of your own.'
        : `Check user and password in the broker URL: rabbitmqctl authenticate_user ${shellWord(address.user)} <password>`,
      cause: error,
    })
  }
  if (/SASL mechanism/.test(text)) {
    return new TwqError('TWQ_BROKER_AUTH', `${where} does not offer logins with user and password`, {
      hint: "Allow the mechanism PLAIN in the broker's auth_mechanisms.",
      cause: error,
    })
  }
  if (refusal !== undefined) {
    return new TwqError('TWQ_BROKER_UNREACHABLE', `${where} refused the connection: ${refusal.code} ${refusal.text}`, {
      cause: error,
    })
  }
  if (error instanceof Error && 'code' in error) return socketFailure(error, address)
  if (/closed abruptly/.test(text)) {
    return new TwqError('TWQ_BROKER_UNREACHABLE', `${where} closed the connection during the handshake`, {
      hint: handshakeHint(address),
      cause: error,
    })
  }
  return new TwqError('TWQ_BROKER_UNREACHABLE', `the server at ${where} does not speak AMQP 0-9-1 (${text})`, {
    hint: handshakeHint(address),
    cause: error,
  })
}

// Added to the hint where the broker would be on this machine.
const NO_RABBIT_YET = '\nTo develop without a RabbitMQ: npx twq dev brings a broker of its own.'

function isThisMachine(host: string): boolean {
  return ['localhost', '127.0.0.1', '::1'].includes(host)
}

// With several addresses for a name, Node reports all their errors in one.
function firstOf(error: unknown): unknown {
  return error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error
}

function isTlsFailure(code: string): boolean {
  return /^(ERR_TLS|ERR_SSL|ERR_OSSL|EPROTO|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|INVALID_CA|ENOENT)/.test(
    code,
  )
}

function tlsFailure(code: string, cause: unknown, address: BrokerAddress): TwqError {
  const where = describeAddress(address)
  const fail = (what: string, hint: string): TwqError => new TwqError('TWQ_BROKER_TLS', what, { hint, cause })
  if (code === 'CERT_HAS_EXPIRED') return fail(`the certificate of ${where} has expired`, 'Renew it on the broker.')
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return fail(
      `the certificate of ${where} is for another host: ${messageOf(cause)}`,
      "Use the host name that the broker's certificate carries.",
    )
  }
  if (/SELF_SIGNED|UNABLE_TO/.test(code)) {
    return fail(
      `the certificate of ${where} is not signed by an authority known here (${code})`,
      'Give the CA with ?cacertfile=/path/to/ca.pem or NODE_EXTRA_CA_CERTS.',
    )
  }
  return fail(
    `no TLS connection with ${where}: ${reasonOf(cause)}`,
    'Is this the TLS port (usually 5671), and does the broker offer TLS 1.2 or newer? Without TLS the URL begins with amqp://',
  )
}

/** OpenSSL's reason without its numbers and the path of its own source. */
function reasonOf(cause: unknown): string {
  const { reason } = cause as { readonly reason?: unknown }
  return typeof reason === 'string' ? reason : messageOf(cause)
}

function handshakeHint(address: BrokerAddress): string {
  return address.tls
    ? 'Is this the TLS port of RabbitMQ (usually 5671)? Without TLS the URL begins with amqp://'
    : 'Is this the AMQP port of RabbitMQ (usually 5672)? For the TLS port the URL begins with amqps://'
}
