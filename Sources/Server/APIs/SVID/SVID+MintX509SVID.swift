import Authority
import FoundationEssentials
package import GRPCCore
import Logging
import SPIFFE
package import SPIREProtos

extension SVIDAPI {
  /// Signs an X509-SVID for the ID and the DNS names of a CSR, outside of any registration entry.
  package func mintX509SVID(
    request: Spire_Api_Server_Svid_V1_MintX509SVIDRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Svid_V1_MintX509SVIDResponse {
    let call = try APICall(context)
    call.audit(["csr": .string(AuditValue.sha256(request.csr)), "ttl": .value(request.ttl)])
    guard !request.csr.isEmpty else { throw call.failure(.invalidArgument, "missing CSR") }
    let csr: CSR
    do {
      csr = try CSR(der: [UInt8](request.csr))
    } catch {
      throw call.failure(.invalidArgument, "malformed CSR", error)
    }
    do {
      try csr.verifySignature()
    } catch {
      throw call.failure(.invalidArgument, "failed to verify CSR signature", error)
    }
    let id = try self.id(in: csr, call)
    try checkDNSNames(csr.dnsNames, call)
    let svid: IssuedX509SVID
    do {
      svid = try await server.authority.issueX509SVID(
        X509SVIDRequest(
          id: id, publicKey: csr.publicKey, dnsNames: csr.dnsNames, subject: csr.subject,
          ttl: .seconds(Int64(request.ttl))))
    } catch {
      throw call.failure(.internalError, "failed to sign X509-SVID", error)
    }
    var dnsNames: String { csr.dnsNames.joined(separator: ",") }
    call.audit([
      "spiffe_id": id.description, "dns_name": dnsNames, "subject": csr.subject.description,
      "expires_at": svid.expirationText,
    ])
    call.debug(
      "Signed X509 SVID",
      [
        "spiffe_id": id.description, "dns_name": dnsNames, "subject": csr.subject.description,
        "expiration": svid.expirationText, "serial_num": svid.serialNumber,
      ])
    var response = Spire_Api_Server_Svid_V1_MintX509SVIDResponse()
    response.svid = svid.api
    return response
  }

  private func id(in csr: CSR, _ call: APICall) throws -> SPIFFEID {
    guard let uri = csr.uris.first else { throw call.failure(.invalidArgument, "CSR URI SAN is required") }
    guard csr.uris.count == 1 else { throw call.failure(.invalidArgument, "only one URI SAN is expected") }
    do {
      let id = try SPIFFEID(uri)
      try APIIdentity.requireWorkload(id, of: server.trustDomain)
      return id
    } catch {
      throw call.failure(.invalidArgument, "CSR URI SAN is invalid", error)
    }
  }

  private func checkDNSNames(_ names: [String], _ call: APICall) throws {
    for name in names {
      do {
        try DNSName.validate(name)
      } catch {
        throw call.failure(.invalidArgument, "CSR DNS name is invalid", error)
      }
    }
    guard !DNSName.wildcardOverlap(in: names) else {
      throw call.failure(
        .invalidArgument, "CSR DNS name contains a wildcard that covers another non-wildcard name")
    }
  }
}
