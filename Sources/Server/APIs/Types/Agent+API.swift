import DatastoreAPI
import SPIFFE
import SPIREProtos

extension AttestedNode {
  /// The agent as the API's message: the fields that `mask` asks for, and always the ID.
  func api(mask: Spire_Api_Types_AgentMask?) -> Spire_Api_Types_Agent {
    let mask = mask ?? .all
    var message = Spire_Api_Types_Agent()
    message.id = id.api
    if mask.attestationType { message.attestationType = attestationType }
    if mask.x509SvidSerialNumber { message.x509SvidSerialNumber = serialNumber }
    if mask.x509SvidExpiresAt { message.x509SvidExpiresAt = expiresAt }
    if mask.selectors { message.selectors = selectors.map(\.api) }
    if mask.banned { message.banned = isBanned }
    if mask.canReattest { message.canReattest = canReattest }
    if mask.agentVersion { message.agentVersion = agentVersion }
    return message
  }
}

extension Spire_Api_Types_AgentMask {
  static var all: Self {
    var mask = Self()
    mask.attestationType = true
    mask.x509SvidSerialNumber = true
    mask.x509SvidExpiresAt = true
    mask.selectors = true
    mask.banned = true
    mask.canReattest = true
    mask.agentVersion = true
    return mask
  }
}
