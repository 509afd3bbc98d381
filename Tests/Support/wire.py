"""gRPC messages and stubs built at run time from Tests/Support/wire/*.json: a Python client for any of these APIs.

    w = Wire("server-and-agent-api"); stub = w.stub(grpc.insecure_channel("unix:///..."), "spire.api.server.entry.v1.Entry")
    stub.CountEntries(w.msg("spire.api.server.entry.v1.CountEntriesRequest"))

Needs: pip install grpcio protobuf
"""
import json
from pathlib import Path

import grpc
from google.protobuf import descriptor_pb2 as d, descriptor_pool, message_factory
from google.protobuf import any_pb2, duration_pb2, struct_pb2, timestamp_pb2, wrappers_pb2, empty_pb2  # noqa: F401 (register)

WIRE = Path(__file__).resolve().parent / "wire"
SCALAR = {k[5:].lower(): v for k, v in d.FieldDescriptorProto.Type.items()}


def refused(call):
    """The code and text with which a call, or a stream's first message, is refused."""
    try:
        result = call()
        if not hasattr(result, "DESCRIPTOR"):
            next(iter(result))
    except grpc.RpcError as error:
        return error.code(), error.details()
    raise SystemExit("was not refused")


class Wire:
    def __init__(self, *tables):
        self.facts = {"services": {}, "messages": {}, "enums": {}}
        for t in tables:
            f = json.loads((WIRE / f"{t}.json").read_text())
            for k in self.facts:
                self.facts[k].update(f[k])
        self.pool = descriptor_pool.DescriptorPool()
        for m in (any_pb2, duration_pb2, struct_pb2, timestamp_pb2, wrappers_pb2, empty_pb2, d):
            self.pool.AddSerializedFile(m.DESCRIPTOR.serialized_pb)
        self._build()

    @staticmethod
    def _pkg(full):
        parts = full.split(".")
        i = 0
        while i < len(parts) - 1 and parts[i][0].islower():
            i += 1
        return ".".join(parts[:i]), parts[i:]

    def _build(self):
        files = {}  # package -> (file, {path: DescriptorProto})
        def file(pkg):
            if pkg not in files:
                f = d.FileDescriptorProto(name=f"facts/{pkg or 'root'}.proto", package=pkg, syntax="proto3")
                files[pkg] = (f, {})
            return files[pkg]
        def node(pkg, path):
            f, nodes = file(pkg)
            key = tuple(path)
            if key not in nodes:
                parent = f.message_type if len(path) == 1 else node(pkg, path[:-1]).nested_type
                m = parent.add(); m.name = path[-1]; nodes[key] = m
            return nodes[key]
        for full in self.facts["messages"]:
            node(*self._pkg(full))
        for full, values in self.facts["enums"].items():
            pkg, path = self._pkg(full)
            e = (file(pkg)[0].enum_type if len(path) == 1 else node(pkg, path[:-1]).enum_type).add()
            e.name = path[-1]
            for n, v in sorted(values.items(), key=lambda x: (x[1] != 0, x[1])):
                e.value.add(name=n, number=v)
        deps = {p: set() for p in files}
        def settype(f, t, pkg):
            if t in SCALAR and t not in ("message", "enum", "group"):
                f.type = SCALAR[t]; return
            f.type_name = "." + t
            f.type = 14 if t in self.facts["enums"] else 11
            if t.startswith("google.protobuf."):
                deps[pkg].add({"Any": "any", "Duration": "duration", "Struct": "struct", "Value": "struct",
                               "Timestamp": "timestamp", "Empty": "empty"}.get(t.split(".")[-1], "wrappers").join(("google/protobuf/", ".proto")))
            else:
                p = self._pkg(t)[0]
                if p != pkg:
                    deps[pkg].add(f"facts/{p or 'root'}.proto")
        for full, fields in self.facts["messages"].items():
            pkg, path = self._pkg(full)
            m = node(pkg, path)
            oneofs = {}
            for name, x in fields.items():
                t, f = x["type"], m.field.add(name=name, number=x["number"], label=1)
                if t.startswith("map<"):
                    k, v = t[4:-1].split(",")
                    e = m.nested_type.add(name="".join(w.title() for w in name.split("_")) + "Entry")
                    e.options.map_entry = True
                    kf = e.field.add(name="key", number=1, label=1); settype(kf, k, pkg)
                    vf = e.field.add(name="value", number=2, label=1); settype(vf, v, pkg)
                    f.label, f.type, f.type_name = 3, 11, f".{full}.{e.name}"
                    continue
                if t.startswith("repeated "):
                    f.label, t = 3, t[9:]
                settype(f, t, pkg)
                if "oneof" in x:
                    if x["oneof"] not in oneofs:
                        oneofs[x["oneof"]] = len(m.oneof_decl); m.oneof_decl.add(name=x["oneof"])
                    f.oneof_index = oneofs[x["oneof"]]
        # cross-package cycles do not occur in these tables; add in dependency order
        done, pending = set(), dict(files)
        while pending:
            for pkg in list(pending):
                f = pending[pkg][0]
                if all(not x.startswith("facts/") or x in done or x not in {p[0].name for p in files.values()} for x in deps[pkg]):
                    f.dependency.extend(sorted(x for x in deps[pkg] if not x.startswith("facts/") or x in done))
                    self.pool.Add(f) if hasattr(self.pool, "Add") else self.pool.AddSerializedFile(f.SerializeToString())
                    done.add(f.name); del pending[pkg]; break
            else:
                raise RuntimeError(f"cycle among {list(pending)}")

    def msg(self, full, **kw):
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(full))(**kw)

    def cls(self, full):
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(full))

    def stub(self, channel, service):
        ms = self.facts["services"][service]
        class Stub: pass
        s = Stub()
        for name, m in ms.items():
            kind = ("stream" if m["client_streaming"] else "unary") + "_" + ("stream" if m["server_streaming"] else "unary")
            setattr(s, name, getattr(channel, kind)(f"/{service}/{name}",
                    request_serializer=lambda x: x.SerializeToString(),
                    response_deserializer=self.cls(m["response"]).FromString))
        return s
