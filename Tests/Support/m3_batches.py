"""Reads what is sent to M3 with Apache's library, by the field numbers of tally's v2.thrift."""
from thrift.protocol.TCompactProtocol import TCompactProtocol
from thrift.Thrift import TType
from thrift.transport.TTransport import TMemoryBuffer


def _read(protocol, kind):
    if kind == TType.STRING:
        return protocol.readString()
    if kind == TType.I32:
        return protocol.readI32()
    if kind == TType.I64:
        return protocol.readI64()
    if kind == TType.DOUBLE:
        return protocol.readDouble()
    if kind == TType.LIST:
        element, size = protocol.readListBegin()
        values = [_read(protocol, element) for _ in range(size)]
        protocol.readListEnd()
        return values
    assert kind == TType.STRUCT, kind
    protocol.readStructBegin()
    fields = {}
    while True:
        _, kind, number = protocol.readFieldBegin()
        if kind == TType.STOP:
            break
        fields[number] = _read(protocol, kind)
        protocol.readFieldEnd()
    protocol.readStructEnd()
    return fields


def _tags(value):
    return {tag[1]: tag[2] for tag in value or []}


def read_batch(packet):
    """A packet's sequence number, common tags and metrics: (name, tags, (type, count, gauge, timer), time)."""
    transport = TMemoryBuffer(packet)
    protocol = TCompactProtocol(transport)
    name, kind, sequence = protocol.readMessageBegin()
    assert (name, kind) == ("emitMetricBatchV2", 4), (name, kind)
    batch = _read(protocol, TType.STRUCT)[1]
    protocol.readMessageEnd()
    assert transport.read(1) == b"", "more than one call"
    metrics = [(m[1], _tags(m.get(4)), tuple(m[2][i] for i in (1, 2, 3, 4)), m[3]) for m in batch[1]]
    return sequence, _tags(batch[2]), metrics
