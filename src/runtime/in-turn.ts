// Channels open at the same time: brokers allow only some hundreds on a connection.
const AT_ONCE = 16

/** Maps the items in order with few calls in progress at once. Rejects with the first failure. */
export async function inTurn<A, B>(all: readonly A[], map: (one: A) => Promise<B>): Promise<readonly B[]> {
  const mapped: B[] = new Array(all.length)
  let next = 0
  const walk = async (): Promise<void> => {
    while (next < all.length) {
      const index = next
      next += 1
      mapped[index] = await map(all[index] as A)
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, all.length) }, walk))
  return mapped
}
