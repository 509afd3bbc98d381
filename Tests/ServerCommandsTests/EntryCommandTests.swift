import CommandTesting
import Foundation
import GRPCCore
import SPIREProtos
import SwiftProtobuf
import Synchronization
import Testing

@testable import ServerCommands

@Suite struct EntryCommandTests {
  private typealias Method = Spire_Api_Server_Entry_V1_Entry.Method
  private static let base = "-selector unix:uid:1 -parentID spiffe://example.org/host -spiffeID spiffe://example.org/a"

  /// A server that creates what it is given, but refuses paths that begin with `/bad`; `seen` gets each request.
  private func creating(
    _ seen: @Sendable @escaping (Spire_Api_Server_Entry_V1_BatchCreateEntryRequest) -> Void = { _ in }
  ) -> [any FakeMethod] {
    [
      Unary<Spire_Api_Server_Entry_V1_BatchCreateEntryRequest, Spire_Api_Server_Entry_V1_BatchCreateEntryResponse>(
        Method.BatchCreateEntry.descriptor
      ) { request in
        seen(request)
        return .with {
          $0.results = request.entries.map { entry in
            .with {
              if entry.spiffeID.path.hasPrefix("/bad") {
                $0.status.code = 3
                $0.status.message = "not \"good\""
              } else {
                $0.entry = entry
                $0.entry.id = "id" + entry.spiffeID.path
                $0.status.message = "OK"
              }
            }
          }
        }
      }
    ]
  }

  private func created(_ line: String, input: String = "") async throws -> [Spire_Api_Types_Entry] {
    let seen = Mutex<[Spire_Api_Types_Entry]>([])
    let outcome = try await run(
      "entry create \(line)", input: input,
      methods: creating { request in seen.withLock { $0 = request.entries } })
    #expect(outcome.stderr == "")
    return seen.withLock { $0 }
  }

  @Test func everyFlagReachesTheServer() async throws {
    let entry = try #require(
      try await created(
        "\(Self.base) -selector unix:gid:2:x -entryID e -x509SVIDTTL 60 -jwtSVIDTTL 0x1e -federatesWith td.test "
          + "-federatesWith spiffe://other -admin -storeSVID -downstream -entryExpiry 1795291845 -dns a -dns b -hint h "
          + "-disableX509SVIDPrefetch -jwtSVIDIncludeJTI=false"
      ).first)
    let expected = Spire_Api_Types_Entry.with {
      $0.id = "e"
      $0.spiffeID = .with { ($0.trustDomain, $0.path) = ("example.org", "/a") }
      $0.parentID = .with { ($0.trustDomain, $0.path) = ("example.org", "/host") }
      $0.selectors = [
        .with { ($0.type, $0.value) = ("unix", "uid:1") }, .with { ($0.type, $0.value) = ("unix", "gid:2:x") },
      ]
      $0.x509SvidTtl = 60
      $0.jwtSvidTtl = 30
      $0.federatesWith = ["td.test", "spiffe://other"]
      ($0.admin, $0.storeSvid, $0.downstream) = (true, true, true)
      $0.expiresAt = 1_795_291_845
      $0.dnsNames = ["a", "b"]
      $0.hint = "h"
      $0.additionalAttributes.disableX509SvidPrefetch = true
    }
    #expect(entry == expected)
  }

  @Test func aNodeEntryHasTheServerAsParent() async throws {
    let entries = try await created("-node -selector a:b -spiffeID spiffe://example.org/cluster")
    #expect(entries.map(\.parentID.path) == ["/spire/server"])
    #expect(entries.map(\.parentID.trustDomain) == ["example.org"])
    #expect(entries.allSatisfy { !$0.hasAdditionalAttributes })
  }

  @Test func entriesComeFromStandardInput() async throws {
    let entries = try await created(
      "-data -",
      input: """
        {"entries": [
          {"selectors": [{"type": "unix", "value": "uid:1"}], "parent_id": "spiffe://a/p", "spiffe_id": "spiffe://a/w",
           "x509_svid_ttl": 10, "jwt_svid_ttl": 20, "federates_with": ["b"], "entry_id": "e1", "admin": true,
           "downstream": true, "entryExpiry": 30, "dns_names": ["d"], "store_svid": true, "hint": "h", "unknown": 1,
           "additional_attributes": {"jwt_svid_include_jti": true}},
          {"Selectors": [], "PARENT_ID": "spiffe://a/p", "spiffe_id": "spiffe://a/x", "hint": null}
        ]}
        """)
    let expected = Spire_Api_Types_Entry.with {
      $0.id = "e1"
      $0.spiffeID = .with { ($0.trustDomain, $0.path) = ("a", "/w") }
      $0.parentID = .with { ($0.trustDomain, $0.path) = ("a", "/p") }
      $0.selectors = [.with { ($0.type, $0.value) = ("unix", "uid:1") }]
      ($0.x509SvidTtl, $0.jwtSvidTtl, $0.expiresAt) = (10, 20, 30)
      ($0.federatesWith, $0.dnsNames, $0.hint) = (["b"], ["d"], "h")
      ($0.admin, $0.storeSvid, $0.downstream) = (true, true, true)
      $0.additionalAttributes.jwtSvidIncludeJti = true
    }
    #expect(entries.first == expected)
    #expect(entries.count == 2)
    #expect(entries.last?.spiffeID.path == "/x")
  }

  @Test(arguments: [
    ("{", "failed to parse JSON: "),
    ("[]", "failed to parse JSON: the file is not an object"),
    (#"{"entries": 1}"#, "failed to parse JSON: entries: must be a list"),
    (#"{"entries": [{"spiffe_id": 1}]}"#, "failed to parse JSON: entries[0].spiffe_id: must be a string"),
    (
      #"{"entries": [{"spiffe_id": "spiffe://a/b", "parent_id": "x"}]}"#,
      "failed to parse JSON: entries[0].parent_id: scheme is missing or invalid"
    ),
    (
      #"{"entries": [{"spiffe_id": "spiffe://a/b", "parent_id": "spiffe://a/b", "x509_svid_ttl": 1e20}]}"#,
      "failed to parse JSON: entries[0].x509_svid_ttl: must be a whole number"
    ),
  ])
  func aBadFileIsNamedWithThePlace(_ input: String, _ message: String) async {
    let outcome = await run("entry create -data -", input: input)
    #expect(outcome.code == 1)
    #expect(outcome.stderr.hasPrefix("Error: " + message))
  }

  @Test func partOfABatchCanFail() async throws {
    let input = """
      {"entries": [{"spiffe_id": "spiffe://a/bad", "parent_id": "spiffe://a/p", "selectors": [{"type":"a","value":"b"}]},
                   {"spiffe_id": "spiffe://a/good", "parent_id": "spiffe://a/p", "selectors": [{"type":"a","value":"b"}]}]}
      """
    let outcome = try await run("entry create -data -", input: input, methods: creating())
    let block = """
      Revision                : 0
      X509-SVID TTL           : default
      JWT-SVID TTL            : default
      Selector                : a:b


      """
    #expect(outcome.code == 1)
    #expect(
      outcome.stdout
        == "Entry ID                : id/good\nSPIFFE ID               : spiffe://a/good\n"
        + "Parent ID               : spiffe://a/p\n" + block)
    #expect(
      outcome.stderr
        == "Failed to create the following entry (code: InvalidArgument, msg: \"not \\\"good\\\"\"):\n"
        + "Entry ID                : (none)\nSPIFFE ID               : spiffe://a/bad\n"
        + "Parent ID               : spiffe://a/p\n" + block + "Error: failed to create one or more entries\n")
    // In JSON the failure is in the result, and the exit code does not tell.
    let json = try await run("entry create -data - -output json", input: input, methods: creating())
    #expect(json.code == 0)
    #expect(json.stdout.contains(#""status":{"code":3,"message":"not \"good\""}"#))
    #expect(json.stderr.isEmpty)
  }

  @Test func updateKeepsTheAttributeThatHasNoFlag() async throws {
    let seen = Mutex<[Spire_Api_Types_Entry]>([])
    let methods: [any FakeMethod] = [
      Unary<Spire_Api_Server_Entry_V1_GetEntryRequest, Spire_Api_Types_Entry>(Method.GetEntry.descriptor) { request in
        guard request.id == "e" else { throw RPCError(code: .notFound, message: "entry not found") }
        return .with { $0.additionalAttributes.jwtSvidIncludeJti = true }
      },
      Unary<Spire_Api_Server_Entry_V1_BatchUpdateEntryRequest, Spire_Api_Server_Entry_V1_BatchUpdateEntryResponse>(
        Method.BatchUpdateEntry.descriptor
      ) { request in
        seen.withLock { $0 = request.entries }
        #expect(!request.hasInputMask)
        return .with { $0.results = request.entries.map { entry in .with { $0.entry = entry } } }
      },
    ]
    _ = try await run("entry update -entryID e \(Self.base) -disableX509SVIDPrefetch", methods: methods)
    let attributes = try #require(seen.withLock { $0.first }).additionalAttributes
    #expect(attributes.disableX509SvidPrefetch)
    #expect(attributes.jwtSvidIncludeJti)
    _ = try await run("entry update -entryID e \(Self.base)", methods: methods)
    #expect(seen.withLock { $0.first }?.hasAdditionalAttributes == false)
    let missing = try await run("entry update -entryID x \(Self.base) -jwtSVIDIncludeJTI", methods: methods)
    #expect(missing == .failure("error fetching entry ID x: rpc error: code = NotFound desc = entry not found"))
  }

  @Test func deleteTellsEachEntry() async throws {
    let methods: [any FakeMethod] = [
      Unary<Spire_Api_Server_Entry_V1_BatchDeleteEntryRequest, Spire_Api_Server_Entry_V1_BatchDeleteEntryResponse>(
        Method.BatchDeleteEntry.descriptor
      ) { request in
        .with {
          $0.results = request.ids.map { id in
            .with {
              $0.id = id
              $0.status.code = id.hasPrefix("x") ? 5 : 0
              $0.status.message = id.hasPrefix("x") ? "entry not found" : "OK"
            }
          }
        }
      }
    ]
    let one = try await run("entry delete -entryID a", methods: methods)
    #expect(one == .success("Deleted entry with ID: a\n\n\nDeleted 1 entries successfully"))
    let some = try await run("entry delete -file -", input: #"{"ids": ["a", "x", "b"]}"#, methods: methods)
    #expect(some.code == 1)
    #expect(
      some.stdout
        == "Deleted entry with ID: a\nDeleted entry with ID: b\n\n\n"
        + "Deleted 2 entries successfully, but failed to delete 1 entries")
    #expect(
      some.stderr
        == "Failed to delete entry with ID x (code: NotFound, msg: \"entry not found\")\n"
        + "Error: failed to delete one or more entries\n")
    let json = try await run("entry delete -entryID x -output json", methods: methods)
    #expect(
      json == .success(#"{"results":[{"id":"x","status":{"code":5,"message":"entry not found"}}]}"# + "\n"))
  }

  @Test func allPagesAreShownInOrder() async throws {
    let methods: [any FakeMethod] = [
      Unary<Spire_Api_Server_Entry_V1_ListEntriesRequest, Spire_Api_Server_Entry_V1_ListEntriesResponse>(
        Method.ListEntries.descriptor
      ) { request in
        #expect(request.pageSize == 500)
        #expect(request.filter.byDownstream.value)
        #expect(request.filter.byHint.value == "h")
        #expect(request.filter.byFederatesWith.match == .matchAny)
        let number = Int(request.pageToken) ?? 0
        return .with {
          $0.entries = [.with { $0.spiffeID = .with { ($0.trustDomain, $0.path) = ("a", "/\(9 - number)") } }]
          $0.nextPageToken = number == 2 ? "" : "\(number + 1)"
        }
      }
    ]
    let outcome = try await run(
      "entry show -downstream -hint h -federatesWith b -matchFederatesWithOn any", methods: methods)
    #expect(outcome.stdout.hasPrefix("Found 3 entries\n"))
    let paths = outcome.stdout.split(separator: "\n").filter { $0.hasPrefix("SPIFFE ID") }.map { $0.suffix(1) }
    #expect(paths == ["7", "8", "9"])
  }
}
