"""Protocol buffers by hand: the messages that the datastore keeps in blobs, from their field numbers and nothing else.

A message's shape maps a field number to ("int" | "bytes" | "text" | "bool", or another shape in a list for repeated
messages, or "bytes*" for repeated bytes).
"""
CERTIFICATE = {1: "bytes", 2: "bool"}
PUBLIC_KEY = {1: "bytes", 2: "text", 3: "int", 4: "bool"}
BUNDLE = {1: "text", 2: [CERTIFICATE], 3: [PUBLIC_KEY], 4: "int", 5: "int", 6: [PUBLIC_KEY]}
X509_CA = {1: "text", 2: "int", 3: "bytes", 4: "bytes*", 5: "int", 6: "text", 7: "int", 8: "text"}
JWT_KEY = {1: "text", 2: "int", 3: "int", 4: "text", 5: "bytes", 6: "int", 7: "text"}
JOURNAL = {1: [X509_CA], 2: [JWT_KEY], 3: [JWT_KEY]}
ATTRIBUTES = {1: "bool", 2: "bool"}
PREPARED, ACTIVE, OLD = 2, 3, 4


def varint(number):
    out = bytearray()
    while True:
        byte, number = number & 0x7F, number >> 7
        out.append(byte | (0x80 if number else 0))
        if not number:
            return bytes(out)


def encode(shape, message):
    """Fields in the order of their numbers, default values left out: what Go's encoder writes."""
    out = bytearray()
    for number, kind in sorted(shape.items()):
        value = message.get(number)
        if not value:
            continue
        if kind in ("int", "bool"):
            out += varint(number << 3) + varint(int(value))
            continue
        if isinstance(kind, list):
            items = [encode(kind[0], item) for item in value]
        elif kind == "bytes*":
            items = value
        else:
            items = [value.encode() if kind == "text" else value]
        for item in items:
            out += varint(number << 3 | 2) + varint(len(item)) + item
    return bytes(out)


def decode(shape, data):
    message, at = {}, 0

    def number():
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value

    while at < len(data):
        tag = number()
        field, wire = tag >> 3, tag & 7
        kind = shape.get(field)
        assert kind is not None, f"field {field} is not in the reference"
        if kind in ("int", "bool"):
            assert wire == 0, f"field {field} has wire type {wire}"
            message[field] = number()
            continue
        assert wire == 2, f"field {field} has wire type {wire}"
        size = number()
        value = data[at:at + size]
        assert len(value) == size, f"field {field} is cut off"
        at += size
        if isinstance(kind, list):
            message.setdefault(field, []).append(decode(kind[0], value))
        elif kind == "bytes*":
            message.setdefault(field, []).append(value)
        else:
            message[field] = value.decode() if kind == "text" else value
    return message


def exact(shape, data, what):
    """Decodes, and insists that the bytes are the ones that the hand-written encoder makes of the result."""
    message = decode(shape, data)
    again = encode(shape, message)
    assert again == data, f"{what}: {data.hex()} is not {again.hex()}"
    return message
