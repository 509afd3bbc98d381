import NodeProofs

/// What one agent is asked, and the answer to the half that only its TPM can read. Made for one dialogue; a value.
struct TPMDevIDChallenge: Sendable {
  let message: TPMDevIDMessages.Challenge
  /// What the credential holds.
  private let content: [UInt8]

  init(
    for claim: TPMDevIDClaim, number: [UInt8], random: @Sendable (Int) -> [UInt8]
  ) throws(ServerPluginError) {
    func failure(_ text: String, _ cause: any Error) -> ServerPluginError {
      ServerPluginError(.internal, "cannot generate credential activation challenge: \(text)", cause: cause)
    }
    let name: [UInt8]
    do { name = try claim.certification.attestationKey.name() } catch {
      throw failure("cannot extract name from AK public: \(error)", error)
    }
    do {
      content = random(try claim.endorsementKey.nameHash().size)
      message = TPMDevIDMessages.Challenge(
        devID: number,
        credential: try TPMCredential(of: content, for: name, endorsementKey: claim.endorsementKey, random: random))
    } catch {
      throw failure("\(error)", error)
    }
  }

  /// Whether `activated` is what the credential holds. Takes as long for a wrong answer as for the right one.
  func isContent(_ activated: [UInt8]) -> Bool {
    guard activated.count == content.count else { return false }
    return zip(activated, content).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }
}
