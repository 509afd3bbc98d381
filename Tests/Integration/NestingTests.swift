import Foundation
import Testing

/// Three levels of servers: a root, two below it, and one below one of these. Workloads of different branches accept each
/// other whatever is rotated, withdrawn or restarted.
@Suite("Nesting", .serialized)
struct NestingTests {
  /// The servers, and an agent with a workload of each of the lower ones.
  private struct Tree {
    let nest: Nest
    let root: Nest.Node
    let (a, b, low): (Nest.Node, Nest.Node, Nest.Node)
    /// Agents of the root, beside the servers of the second level; and of server a, beside the lowest server.
    let (besideA, besideB, besideLow): (Nest.Node, Nest.Node, Nest.Node)
    let leaves: [Nest.Node]

    /// Fails the test when workloads do not accept each other now.
    func check(_ when: String) async throws {
      let faults = try await nest.faults(leaves)
      #expect(faults.isEmpty, "\(when):\n\(faults.joined(separator: "\n"))\n\(nest.logs)")
    }

    /// Waits for something, and has workloads accept each other all the while.
    func until(_ what: String, within seconds: Double = 90, _ condition: () async throws -> Bool) async throws {
      try await eventually(what, within: seconds, log: { nest.logs }) {
        try await check("before " + what)
        return try await condition()
      }
      try await check("after " + what)
    }

    func workloads() async throws -> [Nest.Workload] {
      var all: [Nest.Workload] = []
      for leaf in leaves { if let workload = try await nest.workload(leaf) { all.append(workload) } }
      return all
    }

    /// Whether every workload trusts so many roots.
    func rootsEverywhere(_ count: Int) async throws -> Bool {
      let all = try await workloads()
      return all.count == leaves.count && all.allSatisfy { $0.rootCount == count }
    }
  }

  private func plant(lowOptions: String = "") async throws -> Tree {
    let nest = try Nest()
    let root = try await nest.startServer("root")
    let besideA = try await nest.startAgent("beside-a", of: root)
    let besideB = try await nest.startAgent("beside-b", of: root)
    try await nest.entry("/server-a", at: root, below: besideA, ["-downstream"])
    try await nest.entry("/server-b", at: root, below: besideB, ["-downstream"])
    let a = try await nest.startServer("a", below: (root, besideA))
    let b = try await nest.startServer("b", below: (root, besideB))
    let besideLow = try await nest.startAgent("beside-low", of: a)
    try await nest.entry("/server-low", at: a, below: besideLow, ["-downstream"])
    let low = try await nest.startServer("low", below: (a, besideLow), options: lowOptions)
    var leaves: [Nest.Node] = []
    for (name, server) in [("leaf-a", a), ("leaf-b", b), ("leaf-low", low)] {
      let agent = try await nest.startAgent(name, of: server)
      try await nest.entry("/workload-\(name)", at: server, below: agent)
      leaves.append(agent)
    }
    let tree = Tree(
      nest: nest, root: root, a: a, b: b, low: low, besideA: besideA, besideB: besideB, besideLow: besideLow,
      leaves: leaves)
    try await eventually("workloads accept each other", within: 60, log: { nest.logs }) {
      try await nest.faults(leaves).isEmpty
    }
    try await nest.checkWithPython(leaves)
    return tree
  }

  /// Replaces the root's CA and withdraws the one before, step by step.
  private func replaceRoot(_ tree: Tree, _ leaves: [Nest.Node]? = nil) async throws {
    let nest = tree.nest
    let leaves = leaves ?? tree.leaves
    let tree = Tree(
      nest: nest, root: tree.root, a: tree.a, b: tree.b, low: tree.low, besideA: tree.besideA, besideB: tree.besideB,
      besideLow: tree.besideLow, leaves: leaves)
    let old = try #require(try await nest.authority("x509", "active", of: tree.root))
    let new = try await nest.prepare("x509", at: tree.root)
    try await tree.until("the new root is trusted everywhere") { try await tree.rootsEverywhere(2) }
    try await nest.change("x509", "activate", new, at: tree.root)
    try await nest.change("x509", "taint", old, at: tree.root)
    let path = nest.directory + "/new-root.pem"
    try await tree.until("every SVID leads to the new root") {
      try await writeNewRoot(tree, to: path)
      for workload in try await tree.workloads() {
        if try await nest.verifies(workload.svidPath, with: path).status != 0 { return false }
      }
      return true
    }
    try await nest.change("x509", "revoke", old, at: tree.root)
    try await tree.until("the old root is gone everywhere") { try await tree.rootsEverywhere(1) }
  }

  /// Writes the last root of the bundle, which is the newest one, to a file.
  private func writeNewRoot(_ tree: Tree, to path: String) async throws {
    let bundle = try await tree.nest.succeed(tree.root, ["bundle", "show"]).stdout
    let last = try #require(bundle.components(separatedBy: "-----BEGIN CERTIFICATE-----").last)
    try ("-----BEGIN CERTIFICATE-----" + last).write(toFile: path, atomically: true, encoding: .utf8)
  }

  @Test("authorities of every level rotate, and the root's is withdrawn", .timeLimit(.minutes(10)))
  func rotations() async throws {
    // The lowest server rotates by itself meanwhile.
    let tree = try await plant(lowOptions: "ca_ttl = \"1m\"\ndefault_x509_svid_ttl = \"30s\"")
    let nest = tree.nest
    let firstLow = try await nest.authority("x509", "active", of: tree.low)
    let firstKey = try await nest.authority("jwt", "active", of: tree.low)
    let chains = try await tree.workloads().map(\.chainLength)
    #expect(chains == [2, 2, 3], "the leaf, then each CA up to and without the root")

    for _ in 1...2 { try await replaceRoot(tree) }

    // A CA in the middle, while the root stays.
    let middle = try await nest.prepare("x509", at: tree.a)
    try await nest.change("x509", "activate", middle, at: tree.a)
    try await tree.check("a CA of the second level was replaced")

    // JWT keys of the root and of the lowest server: known on the other branch before they sign.
    for server in [tree.root, tree.low] {
      let key = try await nest.prepare("jwt", at: server)
      try await tree.until("the JWT key of \(server.name) is known to all servers") {
        for other in [tree.root, tree.a, tree.b, tree.low] {
          let bundle = try await nest.succeed(other, ["bundle", "show", "-format", "spiffe"]).stdout
          if !bundle.contains(key) { return false }
        }
        return true
      }
      // The lowest server may have rotated by itself since.
      if try await nest.authority("jwt", "prepared", of: server) == key {
        try await nest.change("jwt", "activate", key, at: server)
      }
      try await tree.check("a JWT key of \(server.name) was replaced")
    }

    try await tree.until("the lowest server has rotated by itself", within: 180) {
      let x509 = try await nest.authority("x509", "active", of: tree.low)
      let jwt = try await nest.authority("jwt", "active", of: tree.low)
      return x509 != firstLow && jwt != firstKey
    }
    try await nest.checkWithPython(tree.leaves)
  }

  @Test("every level is restarted, and one comes back after the root was withdrawn", .timeLimit(.minutes(10)))
  func restarts() async throws {
    let tree = try await plant()
    let nest = tree.nest
    for (node, signal) in [
      (tree.root, SIGTERM), (tree.a, SIGKILL), (tree.low, SIGTERM), (tree.besideA, SIGKILL), (tree.besideLow, SIGTERM),
    ] {
      let kind = node.isServer ? try await nest.authority("x509", "active", of: node) : nil
      await nest.stop(node, signal)
      try await tree.check("\(node.name) is away")
      try await nest.start(node)
      try await tree.check("\(node.name) is back")
      if node.isServer { #expect(try await nest.authority("x509", "active", of: node) == kind) }
    }
    // Changes arrive again, through all levels.
    try await replaceRoot(tree)

    // Without the root, the servers below go on: a key of the root's cannot come, but SVIDs are signed.
    await nest.stop(tree.b)
    try await replaceRoot(tree, [tree.leaves[0], tree.leaves[2]])
    // Server b never heard that its root was withdrawn.
    try await nest.start(tree.b)
    try await eventually("server b has left the old root", within: 120, log: { nest.logs }) {
      guard try await nest.faults(tree.leaves).isEmpty else { return false }
      return try await tree.rootsEverywhere(1)
    }
  }

  @Test("what is missing is named, and a server starts once it is there", .timeLimit(.minutes(6)))
  func whatIsMissing() async throws {
    let nest = try Nest()
    let root = try await nest.startServer("root")
    let agent = try await nest.makeAgent("beside", of: root)
    let server = try nest.makeServer("below", below: (root, agent))
    func says(_ words: String) async throws {
      try await eventually("the server says: \(words)", within: 120, log: { nest.logs }) {
        if server.process?.isRunning != true { try nest.launch(server) }
        return server.log.contains(words)
      }
    }
    try await says("unable to get an X509-SVID from the agent at \(agent.socket)")
    try await nest.start(agent)
    try await says("the agent at \(agent.socket) issues this server no identity")
    let id = try await nest.entry("/server-below", at: root, below: agent)
    try await says("the entry of this server must be made with -downstream there")
    try await nest.succeed(
      root,
      [
        "entry", "update", "-entryID", id, "-spiffeID", "spiffe://example.org/server-below", "-parentID",
        "spiffe://example.org/beside", "-selector", "unix:uid:\(getuid())", "-downstream",
      ])
    try await eventually("the server is healthy", within: 120, log: { nest.logs }) {
      if server.process?.isRunning != true { try nest.launch(server) }
      return try await Shell.run(Programs.server, ["healthcheck", "-socketPath", server.socket]).status == 0
    }
    // The server above goes: said, and what works goes on.
    await nest.stop(root)
    try await says("unable to reach the upstream server at 127.0.0.1:\(root.port)")
    #expect(try await Shell.run(Programs.server, ["healthcheck", "-socketPath", server.socket]).status == 0)
    try await nest.succeed(
      server, ["x509", "mint", "-spiffeID", "spiffe://example.org/minted", "-write", nest.directory])
  }
}
