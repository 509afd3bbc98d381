/// What a round of an ``EventCursor`` has to do.
package enum EventPlan: Hashable, Sendable {
  case read(EventRead)
  case reload(ReloadReason)
}

/// What is to be read of an event table.
package struct EventRead: Hashable, Sendable {
  /// Events with greater IDs; `nil` when there are none.
  package var after: Int64?
  /// Where skipped events may have appeared.
  package var gaps: [ClosedRange<Int64>] = []
  /// Transactions that have kept skipped IDs open for longer than `event_timeout`.
  package var overdue: Set<String> = []

  package var isEmpty: Bool { after == nil && gaps.isEmpty }
}

/// Why everything is read again, in words for the log.
package enum ReloadReason: String, Sendable {
  case uncertain = "it is not known whether a commit of this server took effect"
  case slept = "the event table was not read for so long that events may have been pruned meanwhile"
  case interval = "full_cache_reload_interval is over"
  case wentBack = "the event table ends earlier than before: nothing happened for long, or the database was restored"
  case changed = "the event table holds other events than before: the database was restored"
  case pruned = "events were pruned before this server read them"
  case behind = "more events are waiting than it takes to read everything"
  case tooManyGaps = "more event IDs were skipped than can be remembered"
}
