import Authority
import Daemon
import FoundationEssentials
import SPIFFE
import SPIREProtos

extension IssuedX509SVID {
  /// The SVID as the API's message.
  var api: Spire_Api_Types_X509SVID {
    var message = Spire_Api_Types_X509SVID()
    message.certChain = chain.map { Data($0) }
    message.id = id.api
    message.expiresAt = expiresAt
    return message
  }

  /// The end of its validity as log lines and audit records show it.
  var expirationText: String { GoTime.rfc3339(Date(timeIntervalSince1970: Double(expiresAt))) }
}
