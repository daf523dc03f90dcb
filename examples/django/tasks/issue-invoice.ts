import { readFile } from 'node:fs/promises'
import { defineTask } from 'twq'

/** An order, as orders/invoicing.py sends it. */
interface Order {
  readonly number: number
  readonly customer: string
  readonly country: string
  readonly cents: number
}

const RATES = new URL('../vat.json', import.meta.url)

/**
 * The text of an invoice. A repeated run, possible after a crash, makes the same invoice again: its number is the order's.
 *
 * @throws RangeError if vat.json lacks the country: the message is kept, and `twq failed retry` runs it again
 */
export const issueInvoice = defineTask({
  name: 'invoices.issue',
  named: ['number', 'customer', 'country', 'cents'],
  async run({ number, customer, country, cents }: Order, ctx) {
    const rates = JSON.parse(await readFile(RATES, 'utf8')) as Record<string, number>
    const percent = Object.hasOwn(rates, country) ? rates[country] : undefined
    if (percent === undefined) throw new RangeError(`no rate of VAT for ${country}`)
    const vat = Math.round((cents * percent) / 100)
    const money = new Intl.NumberFormat(`en-${country}`, { style: 'currency', currency: 'EUR' })
    const total = money.format((cents + vat) / 100)
    ctx.log.info({ order: number, total }, 'issued')
    return {
      number: `R-${number}`,
      text: `Invoice R-${number} for ${customer}: ${money.format(cents / 100)} + ${percent} % VAT = ${total}`,
    }
  },
})
