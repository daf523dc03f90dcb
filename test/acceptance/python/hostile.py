"""Publishes hostile messages with py-amqp, one for each line read, and describes each in a line of JSON.

usage: hostile.py URL QUEUE REPLY_QUEUE COPIES

Each goes to COPIES, too: what comes out there is how the broker gives it to a consumer.

A description has the case's name, what is expected of it (`set aside`, `run`, or `either`: what matters is that it ends)
and the value it must return, if any; its ids where it has them.
"""
import datetime
import decimal
import json
import pickle
import sys
import uuid
import zlib

import amqp
import kombu

# Pure Python all the way: depth costs heap, not stack.
sys.setrecursionlimit(1_000_000)

url, queue, reply_queue, copies = sys.argv[1:]

EMBED = {'callbacks': None, 'errbacks': None, 'chain': None, 'chord': None}
LARGE = 256 * 1024 * 1024


def headers(**changes):
    """Celery's own headers, with changes; a value of ... takes one away."""
    ident = str(uuid.uuid4())
    table = {
        'lang': 'py', 'task': 'acceptance.work', 'id': ident, 'shadow': None, 'eta': None, 'expires': None, 'group': None,
        'group_index': None, 'retries': 0, 'timelimit': [None, None], 'root_id': ident, 'parent_id': None,
        'argsrepr': '(0,)', 'kwargsrepr': '{}', 'origin': 'gen1@sender', 'ignore_result': False,
        'replaced_task_nesting': 0, 'stamped_headers': None, 'stamps': {}, **changes,
    }
    return {name: value for name, value in table.items() if value is not ...}


def case(name, expected, body=None, /, *, value=None, properties=None, only=None, **changes):
    """`only` replaces the header table as a whole; `value` is what the task must return."""
    table = headers(**changes) if only is None else only
    if body is None:
        body = [[0], {}, EMBED]
    if not isinstance(body, (bytes, str)):
        body = json.dumps(body)
    return name, expected, value, table, body, properties or {}


def integer(name, number):
    """The task returns its header as text."""
    return case(name, 'run', [['stamp'], {}, EMBED], value=str(number), task='acceptance.header', stamp=number)


def nested(depth, inner=''):
    return '[' * depth + inner + ']' * depth


def nested_table(depth):
    table = {'bottom': True}
    for _ in range(depth):
        table = {'t': table}
    return table


def bomb(size):
    packer = zlib.compressobj()
    block = b' ' * (1 << 20)
    return b''.join([*(packer.compress(block) for _ in range(size >> 20)), packer.compress(b'[[0],{},{}]'), packer.flush()])


def cases():
    arguments = json.dumps([0])

    # Those that the acceptance names.
    yield integer('a header integer of 2^40', 2**40)
    yield case('a header table 5,000 levels deep', 'set aside', deep=nested_table(5_000))
    yield case('an empty body', 'set aside', b'')
    yield case('no id', 'set aside', id=...)
    yield case('timelimit "x"', 'set aside', timelimit='x')
    yield case('a body nested 10,000 levels deep', 'set aside', f'[[{nested(10_000)}],{{}},{{}}]')

    # The rest of those that end a Celery worker and leave the message in the queue.
    yield case('a task header that is a list', 'set aside', task=['acceptance.work'])
    yield case('no content type', 'set aside', properties={'content_type': None})
    yield case('a body that is an object', 'set aside', {})
    yield case('a body that is null', 'set aside', 'null')
    yield case('a body that is a number', 'set aside', '7')
    yield case('a body of one element', 'set aside', [[0]])
    yield case('a body of two elements', 'set aside', [[0], {}])
    yield case('timelimit of one element', 'set aside', timelimit=[10])
    yield case('a body nested 900 levels deep', 'set aside', f'[[{nested(900)}],{{}},{{}}]')
    yield case('256 MiB in a compressed body', 'set aside', bomb(LARGE), compression='application/x-gzip')

    # Header tables.
    yield integer('a header integer of 2^63 - 1', 2**63 - 1)
    yield integer('a header integer of -2^63', -(2**63))
    yield case('every type a table can hold', 'run', all=[
        None, True, 1, 2**40, 1.5, 'text', b'\xff\x00', decimal.Decimal('1.25'), datetime.datetime(2024, 1, 2), [[]], {},
    ])
    yield case('2,000 headers', 'run', **{f'h{index}': index for index in range(2_000)})
    yield case('a header named __proto__', 'run', **{'__proto__': {'task': 'evil', 'polluted': True}})
    yield case('a header with an empty name', 'either', **{'': 'nameless'})
    yield case('no headers', 'set aside', only={})
    yield case('no headers and no properties', 'set aside', 'hello', only={},
               properties={'content_type': None, 'content_encoding': None, 'correlation_id': None, 'reply_to': None})
    yield case('an unknown task', 'set aside', task='acceptance.nobody')
    yield case('a task named constructor', 'set aside', task='constructor')
    yield case('a task named __proto__', 'set aside', task='__proto__')
    yield case('an empty task name', 'set aside', task='')
    yield case('a task header that is a number', 'set aside', task=7)
    yield case('a task header that is null', 'set aside', task=None)
    yield case('an id that is a list', 'set aside', id=['x'])
    yield case('an id that is a number', 'set aside', id=7)
    yield case('an empty id', 'set aside', id='')
    yield case('an id of 10,000 characters', 'either', id='x' * 10_000)
    yield case('eta that is no date', 'set aside', eta='soon')
    yield case('eta that is a number', 'either', eta=7)
    yield case('expires that is no date', 'set aside', expires='later')
    yield case('expires that is a list', 'set aside', expires=[1])
    yield case('retries "x"', 'either', retries='x')
    yield case('retries below zero', 'either', retries=-1)
    yield case('retries beyond 2^53', 'either', retries=2**60)
    yield case('timelimit below zero', 'either', timelimit=[-1, -1])
    yield case('timelimit of texts', 'either', timelimit=['1', '2'])
    yield case('group_index "x"', 'either', group_index='x')
    yield case('root_id that is a list', 'either', root_id=['x'])
    yield case('parent_id that is a table', 'either', parent_id={'x': 1})
    yield case('origin that is a table', 'either', origin={'x': 1})
    yield case('argsrepr that is a number', 'either', argsrepr=7)
    yield case('shadow that is a list', 'either', shadow=['x'])
    yield case('ignore_result "x"', 'either', ignore_result='x')
    yield case('stamps "x"', 'either', stamps='x', stamped_headers=7)
    yield case('lang that is a table', 'either', lang={})

    # Bodies.
    yield case('a body that is no JSON', 'set aside', '[[0], {}, {')
    yield case('a body that is no UTF-8', 'set aside', b'[["\xff\xfe"], {}, {}]')
    yield case('a body with a byte order mark', 'either', b'\xef\xbb\xbf[[0], {}, {}]')
    yield case('a body of zeros', 'set aside', b'\0' * 1000)
    yield case('a body of 17 MiB', 'set aside', f'[[0], {{"x": "{"x" * (17 << 20)}"}}, {{}}]')
    yield case('arguments that are an object', 'either', [{'x': 1}, {}, EMBED])
    yield case('arguments that are a number', 'either', [7, {}, EMBED])
    yield case('named arguments that are a list', 'either', [[0], [], EMBED])
    yield case('an embed that is a list', 'either', [[0], {}, []])
    yield case('an embed that is a number', 'either', [[0], {}, 7])
    yield case('callbacks that are a text', 'either', [[0], {}, {**EMBED, 'callbacks': 'x'}])
    yield case('a chain that is a number', 'either', [[0], {}, {**EMBED, 'chain': 7}])
    yield case('too many arguments', 'run', [[0, 1, 2], {}, EMBED])
    yield case('a named argument __proto__', 'either', '[[0], {"__proto__": {"polluted": true}}, {}]')
    yield case('NaN and Infinity', 'either', '[[NaN], {"x": Infinity}, {}]')
    yield case('half of a surrogate pair', 'either', '[[0], {"x": "\\ud800"}, {}]')
    yield case('a number of 400 digits', 'either', f'[[0], {{"x": {"9" * 400}}}, {{}}]')
    yield case('the same key twice', 'either', '[[0], {"x": 1, "x": 2}, {}]')
    yield case('an unknown type tag', 'either', [[0], {'x': {'__type__': 'module', '__value__': 'os'}}, EMBED])
    yield case('a datetime tag that is no date', 'either', [[0], {'x': {'__type__': 'datetime', '__value__': 'x'}}, EMBED])
    yield case('protocol 1 without an id', 'set aside', {'task': 'acceptance.work', 'args': [0]}, only={})
    yield case('protocol 1 with a number for arguments', 'either',
               {'task': 'acceptance.work', 'id': str(uuid.uuid4()), 'args': 5}, only={})

    # Properties.
    yield case('pickle', 'set aside', pickle.dumps([[0], {}, EMBED]),
               properties={'content_type': 'application/x-python-serialize', 'content_encoding': 'binary'})
    yield case('yaml', 'set aside', f'- {arguments}', properties={'content_type': 'application/x-yaml'})
    yield case('an unknown content encoding', 'either', properties={'content_encoding': 'rot13'})
    yield case('an unknown compression', 'set aside', compression='application/x-nothing')
    yield case('half of a compressed body', 'set aside', zlib.compress(b'[[0],{},{}]')[:8], compression='application/x-gzip')
    yield case('a reply queue that is nowhere', 'either', properties={'reply_to': 'x' * 255})
    yield case('a reply queue that is the task queue', 'either', properties={'reply_to': queue})


with kombu.Connection(url, transport_options={'confirm_publish': True}) as connection:
    channel = connection.default_channel
    # It ends with a line that it has read: one that nobody reads any more can't be written.
    for _, (name, expected, value, table, body, changes) in zip(sys.stdin, cases()):
        data = body.encode() if isinstance(body, str) else body
        ident = table.get('id')
        properties = {
            'content_type': 'application/json', 'content_encoding': 'utf-8', 'delivery_mode': 2, 'reply_to': reply_queue,
            'correlation_id': ident if isinstance(ident, str) and 0 < len(ident) < 256 else str(uuid.uuid4()), **changes,
        }
        present = {key: value for key, value in properties.items() if value is not None}
        for destination in (copies, queue):
            message = amqp.Message(data, application_headers=table, **present)
            channel.basic_publish(message, exchange='', routing_key=destination)
        print(json.dumps({
            'name': name, 'expected': expected, 'value': value, 'id': ident if isinstance(ident, str) else None,
            'correlationId': present.get('correlation_id'),
        }), flush=True)
