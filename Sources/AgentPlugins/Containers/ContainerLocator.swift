import Daemon
package import Logging

/// Finds the container of a process in the kernel's tables, for the attestors `docker` and `k8s` (agent-plugins §7).
///
/// The file `cgroup` counts first, as the process cannot write it; `mountinfo`, which it can shape, is read only when no
/// container id is in there. Immutable; a look-up reads at most ``CgroupFile/maximumSize`` and
/// ``MountTable/maximumSize`` bytes and blocks shortly.
package struct ContainerLocator: Sendable {
  /// For whom, and by which rules.
  package struct Options: Hashable, Sendable {
    package enum Kind: String, Sendable {
      case docker
      /// Looks for the pod's UID too.
      case k8s
    }

    package enum Rules: Hashable, Sendable {
      case current
      /// Those of `use_new_container_locator = false` for `k8s`.
      case legacyPods
      /// `container_id_cgroup_matchers` of `docker`.
      case matchers(ContainerIDMatchers)
    }

    package let kind: Kind
    package let rules: Rules
    /// `verbose_container_locator_logs`
    package let isVerbose: Bool

    /// - Throws: ``AgentPluginError`` with `InvalidArgument` for matchers that cannot be used.
    package init(
      _ kind: Kind, usesNewLocator: Bool = true, matchers: [String] = [], isVerbose: Bool = false
    ) throws(AgentPluginError) {
      self.kind = kind
      self.isVerbose = isVerbose
      let attestor = "workloadattestor(\(kind.rawValue))"
      switch kind {
      case .k8s: rules = usesNewLocator ? .current : .legacyPods
      case .docker where matchers.isEmpty: rules = .current
      case .docker:
        guard !usesNewLocator else {
          throw AgentPluginError(
            .invalidArgument,
            "\(attestor): the new container locator and custom cgroup matchers cannot both be used; please open an issue "
              + "if the new container locator fails to locate workload containers in your environment; to continue using "
              + "custom matchers set use_new_container_locator=false")
        }
        do { rules = .matchers(try ContainerIDMatchers(matchers)) } catch {
          throw AgentPluginError(.invalidArgument, "\(attestor): \(error)", cause: error)
        }
      }
    }
  }

  private let options: Options
  private let processes: HostProcesses
  private let logger: Logger

  package init(_ options: Options, processes: HostProcesses, logger: Logger) {
    self.options = options
    self.processes = processes
    self.logger = logger
  }

  /// The container of process `pid`; empty for a process that is gone or in no container.
  ///
  /// - Throws: ``AgentPluginError``: `FailedPrecondition` when the tables name different containers, `Internal` when
  ///   they cannot be read.
  package func locate(pid: Int32) throws(AgentPluginError) -> ContainerLocation {
    do {
      let paths = try cgroups(of: pid)
      log(paths, pid)
      var location = ContainerLocation(cgroupPaths: paths)
      switch options.rules {
      case .current:
        var search = ContainerSearch(findsPods: options.kind == .k8s)
        for path in paths { try search.add(path) }
        if search.containerID == nil { search = try searchMounts(of: pid) }
        (location.containerID, location.podUID) = (search.containerID, search.podUID)
      case .legacyPods:
        var search = LegacyPodSearch()
        for path in paths { try search.add(path) }
        (location.containerID, location.podUID) = (search.containerID, search.podUID)
      case .matchers(let matchers):
        location.containerID = try matchers.containerID(in: paths)
      }
      return location
    } catch {
      let attestor = "workloadattestor(\(options.kind.rawValue))"
      let code: AgentPluginError.Code = error is ContainerConflict ? .failedPrecondition : .internalError
      throw AgentPluginError(code, "\(attestor): \(error)", cause: error)
    }
  }

  /// The same on a queue beside the event loops, since the tables of a busy host may take long.
  package func locate(pid: Int32, on queue: BackgroundQueue) async throws(AgentPluginError) -> ContainerLocation {
    do { return try await queue.run { try locate(pid: pid) } } catch let error as AgentPluginError { throw error } catch
    {
      throw AgentPluginError(
        .resourceExhausted, "workloadattestor(\(options.kind.rawValue)): \(error)", cause: error)
    }
  }

  private func cgroups(of pid: Int32) throws -> [String] {
    let path = "\(processes.root)/\(pid)/cgroup"
    do {
      // One byte more than is taken, to see that there is more.
      return try CgroupFile.paths(parsing: HostFile.read(path, limit: CgroupFile.maximumSize + 1))
    } catch let failure as HostFile.Failure where failure.isMissing {
      return []
    } catch {
      throw ContainerFilesUnreadable(what: "failed to obtain cgroups", cause: error)
    }
  }

  private func searchMounts(of pid: Int32) throws -> ContainerSearch {
    var search = ContainerSearch(findsPods: options.kind == .k8s)
    var table = MountTable()
    let path = "\(processes.root)/\(pid)/mountinfo"
    do {
      try HostFile.read(path) { chunk in
        try table.add(chunk) { root in
          if options.isVerbose {
            logger.debug("PID mount will be considered", metadata: fields(pid, ["root": "\(root)"]))
          }
          try search.add(root)
        }
      }
      return search
    } catch let failure as HostFile.Failure where failure.isMissing {
      return ContainerSearch(findsPods: search.findsPods)
    } catch let conflict as ContainerConflict {
      throw conflict
    } catch {
      throw ContainerFilesUnreadable(what: "failed to parse mount info", cause: error)
    }
  }

  private func log(_ paths: [String], _ pid: Int32) {
    guard options.isVerbose else { return }
    for (index, path) in paths.enumerated() {
      logger.debug(
        "PID cgroup enumerated",
        metadata: fields(
          pid,
          [
            "index": .stringConvertible(index + 1), "total": .stringConvertible(paths.count), "cgroup_path": "\(path)",
          ]))
    }
  }

  private func fields(_ pid: Int32, _ more: Logger.Metadata) -> Logger.Metadata {
    more.merging(["pid": .stringConvertible(pid)]) { a, _ in a }
  }
}

/// A table of the kernel that could not be read or has another form than the kernel's.
struct ContainerFilesUnreadable: Error, CustomStringConvertible {
  let what: String
  let cause: any Error
  var description: String { "\(what): \(cause)" }
}
