import SPIFFE
import SPIREProtos

/// Findings about those who may ask for the identities of others: delegates and brokers.
extension ExplainFindings {
  /// - Parameters:
  ///   - ids: the identities of the process.
  ///   - delegates: `authorized_delegates`.
  ///   - brokers: the IDs of `experimental.broker.brokers`.
  static func ofRights(_ ids: [SPIFFEID], delegates: Set<SPIFFEID>, brokers: Set<SPIFFEID>) -> [Finding] {
    var result: [Finding] = []
    for id in Set(ids).sorted() {
      if delegates.contains(id) {
        result.append(
          finding(
            .note, "delegate",
            "\(id) is among authorized_delegates: this process gets the identities of all workloads of this agent when it "
              + "asks for them on the admin socket"))
      }
      if brokers.contains(id) {
        result.append(
          finding(
            .note, "broker",
            "\(id) is among experimental.broker.brokers: this process gets the identities of the workloads that it names "
              + "on the broker's socket or address"))
      }
    }
    return result
  }

  /// - Parameter absent: authorized delegates that no entry of this agent names.
  static func ofAbsentDelegates(_ absent: [SPIFFEID]) -> [Finding] {
    absent.map { id in
      finding(
        .note, "delegate_without_entry", "\(id) is among authorized_delegates, but no entry of this agent names it",
        advice: "nobody can be this delegate here until it is registered below this agent")
    }
  }
}
