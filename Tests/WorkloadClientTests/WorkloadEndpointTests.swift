import Mutations
import Testing

@testable import WorkloadClient

/// Addresses of Workload APIs (agent-config §2.1).
@Suite struct WorkloadEndpointTests {
  @Test(arguments: [
    ("unix:/p", WorkloadEndpoint.unix(path: "/p")), ("unix:///run/a%20b", .unix(path: "/run/a b")),
    ("UNIX:///p#", .unix(path: "/p")), ("unix:///p?", .unix(path: "/p")),
    ("tcp://127.0.0.1:80", .tcp(ip: "127.0.0.1", port: 80)), ("tcp://[::1]:8000", .tcp(ip: "::1", port: 8000)),
  ])
  func reads(_ text: String, _ expected: WorkloadEndpoint) throws {
    #expect(try WorkloadEndpoint(text) == expected)
  }

  @Test(arguments: [
    ("", #"URI must have a "tcp" or "unix" scheme"#), ("/p", #"URI must have a "tcp" or "unix" scheme"#),
    ("https://x", #"URI must have a "tcp" or "unix" scheme"#), ("unix", #"URI must have a "tcp" or "unix" scheme"#),
    ("unix:p", "unix socket URI must not be opaque"), ("unix:", "unix socket URI must include a path"),
    ("unix://", "unix socket URI must include a path"), ("unix://u@h/p", "unix socket URI must not include user info"),
    ("unix://h/p", "unix socket URI must not include a host"),
    ("unix:///p?a", "unix socket URI must not include query values"),
    ("unix:///p#a", "unix socket URI must not include a fragment"), ("unix:/%00", "invalid URL escape"),
    ("tcp:1", "tcp socket URI must not be opaque"), ("tcp:/x", "tcp socket URI must include a host"),
    ("tcp://u@1.2.3.4:5", "tcp socket URI must not include user info"),
    ("tcp://1.2.3.4:5/x", "tcp socket URI must not include a path"),
    ("tcp://1.2.3.4:5?x", "tcp socket URI must not include query values"),
    ("tcp://1.2.3.4:5#x", "tcp socket URI must not include a fragment"),
    ("tcp://localhost:5", "tcp socket URI host component must be an IP:port"),
    ("tcp://1.2.3.4", "tcp socket URI host component must include a port"),
    ("tcp://[::1]", "tcp socket URI host component must include a port"),
    ("tcp://1.2.3.4:0", "tcp socket URI host component must include a port"),
    ("unix:/a\nb", "invalid control character"),
  ])
  func refuses(_ text: String, _ why: String) {
    let fault = #expect(throws: WorkloadEndpoint.Fault.self) { try WorkloadEndpoint(text) }
    #expect(fault?.description.contains(why) == true, "\(String(describing: fault))")
  }

  @Test func nothingMakesItTrap() {
    for seed in ["unix://u@h/p%20a?q#f", "tcp://[::1]:8000/x?y#z"] {
      for bytes in Mutations(of: seed, count: 5000) {
        _ = try? WorkloadEndpoint(String(decoding: bytes, as: UTF8.self))
      }
    }
  }
}
