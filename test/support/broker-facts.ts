import { inject } from 'vitest'

/** What RabbitMQ does otherwise from one version to the next, as far as tests see it. */
export interface BrokerFacts {
  /** A prefetch for the whole channel limits its consumers together; from 4.3 on each of them has it for itself. */
  readonly channelPrefetch: boolean
  /** twq asks for one, for classic queues; from 4.0 on it is deprecated. */
  readonly sharedPrefetch: boolean
  /** A nack with requeue adds to a quorum queue's `x-delivery-count`, and so to the delivery limit. */
  readonly nackCounts: boolean
  /** A header table arrives byte for byte as it was sent; from 4.0 on it is encoded again, its keys in order. */
  readonly keepsHeaderBytes: boolean
  /** `x-queue-type` is among the arguments of a classic queue that was declared without. */
  readonly showsQueueType: boolean
  /** A consumer of a classic queue has a timeout for acknowledgements. */
  readonly classicTimeout: boolean
  /** Bytes of the largest message, unless the operator says otherwise. */
  readonly maxMessageSize: number
}

export function factsOf(version: string): BrokerFacts {
  return {
    channelPrefetch: !isAtLeast(version, '4.3'),
    sharedPrefetch: !isAtLeast(version, '4.0'),
    nackCounts: !isAtLeast(version, '4.3'),
    keepsHeaderBytes: !isAtLeast(version, '4.0'),
    showsQueueType: isAtLeast(version, '4.0'),
    classicTimeout: !isAtLeast(version, '4.3'),
    maxMessageSize: (isAtLeast(version, '4.0') ? 16 : 128) * 2 ** 20,
  }
}

/** Of the broker that the live tests talk to. */
export function brokerFacts(): BrokerFacts {
  return factsOf(inject('services').version)
}

/** Compares major and minor number. */
export function isAtLeast(version: string, least: string): boolean {
  const [[major = 0, minor = 0], [leastMajor = 0, leastMinor = 0]] = [numbersOf(version), numbersOf(least)]
  return major > leastMajor || (major === leastMajor && minor >= leastMinor)
}

function numbersOf(version: string): number[] {
  return version.split('.').map((part) => Number.parseInt(part, 10))
}
