package import SPIFFE

/// One commit of this process with what it left: the rows as they are stored from then on.
///
/// Made by the datastore inside the transaction, handed to its observers after the commit and before the write is
/// acknowledged. Where an item changed more than once, the last change says what is stored.
package struct DatastoreCommit: Sendable {
  /// An entry that was created, changed, or deleted.
  package struct EntryChange: Sendable {
    package let event: EntryEvent
    /// As stored; `nil` when it is gone.
    package let entry: RegistrationEntry?

    package init(event: EntryEvent, entry: RegistrationEntry?) {
      self.event = event
      self.entry = entry
    }
  }

  /// An agent that was created, changed, or deleted, or whose selectors were.
  package struct AgentChange: Sendable {
    package let event: AgentEvent
    /// As stored, with its selectors; `nil` when it is gone.
    package let agent: AttestedNode?

    package init(event: AgentEvent, agent: AttestedNode?) {
      self.event = event
      self.agent = agent
    }
  }

  package var entries: [EntryChange] = []
  package var agents: [AgentChange] = []
  package var bundles: [TrustDomain] = []
  package var federationRelationships = false

  package init() {}

  /// The same as names of what to read again.
  package var changes: DatastoreChanges {
    var changes = DatastoreChanges()
    changes.entryEvents = entries.map(\.event)
    changes.agentEvents = agents.map(\.event)
    changes.bundles = Set(bundles)
    changes.federationRelationships = federationRelationships
    return changes
  }
}

/// Follows every commit of this process, in their order. A change that an observer has taken is in effect for whoever
/// asks after the write was acknowledged.
///
/// Called on the queue of the connection that wrote: it must be quick and must not wait for the datastore.
package protocol CommitObserver: AnyObject, Sendable {
  func committed(_ commit: DatastoreCommit)
  /// A commit failed in a way that leaves open whether it took effect: what is known of the datastore must be read anew.
  func commitIsUncertain()
}
