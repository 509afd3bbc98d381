import DaemonTesting

extension LogCapture {
  /// The last record with this message, as `level|message|key=value …`, sorted by keys.
  func line(_ message: String) -> String? {
    all(message).last.map { record in
      let fields = record.fields.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
      return "\(record.level)|\(record.message)|\(fields)"
    }
  }
}
