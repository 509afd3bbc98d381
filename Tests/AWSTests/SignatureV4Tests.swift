import AWS
import Daemon
import Foundation
import Testing

/// The examples that AWS publishes.
@Suite struct SignatureV4Tests {
  private let example = AWSCredentials(
    accessKeyID: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
  private let signer = SignatureV4(region: "us-east-1", service: "service")

  private func date(_ text: String) throws -> Date { try #require(GoTime.parseRFC3339(text)) }

  private func authorization(
    _ signer: SignatureV4, _ request: AWSRequest, _ credentials: AWSCredentials? = nil
  ) throws -> String {
    let headers = signer.headers(
      for: request, credentials: credentials ?? example, at: try date("2015-08-30T12:36:00Z"))
    #expect(headers.first == AWSRequest.Field("x-amz-date", "20150830T123600Z"))
    return try #require(headers.last?.value)
  }

  @Test func aRequestWithoutAnything() throws {
    #expect(
      try authorization(signer, AWSRequest(host: "example.amazonaws.com"))
        == "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        + "SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")
  }

  @Test func aQueryIsSorted() throws {
    let request = AWSRequest(
      host: "example.amazonaws.com",
      query: [AWSRequest.Field("Param2", "value2"), AWSRequest.Field("Param1", "value1")])
    #expect(
      try authorization(signer, request).hasSuffix("b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"))
  }

  @Test func aBodyIsCovered() throws {
    let request = AWSRequest(
      method: "POST", host: "example.amazonaws.com",
      headers: [AWSRequest.Field("Content-Type", "application/x-www-form-urlencoded")],
      payload: .bytes(Array("Param1=value1".utf8)))
    #expect(
      try authorization(signer, request).hasSuffix("ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"))
  }

  @Test func theExampleOfTheGuide() throws {
    let request = AWSRequest(
      host: "iam.amazonaws.com",
      query: [AWSRequest.Field("Action", "ListUsers"), AWSRequest.Field("Version", "2010-05-08")],
      headers: [AWSRequest.Field("content-type", "application/x-www-form-urlencoded;  charset=utf-8 ")])
    #expect(
      try authorization(SignatureV4(region: "us-east-1", service: "iam"), request)
        .hasSuffix(
          "SignedHeaders=content-type;host;x-amz-date, Signature="
            + "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"))
  }

  @Test func aPresignedURL() throws {
    let credentials = AWSCredentials(
      accessKeyID: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    let url = SignatureV4(region: "us-east-1", service: "s3").presignedURL(
      for: AWSRequest(host: "examplebucket.s3.amazonaws.com", path: "/test.txt", payload: .unsigned),
      credentials: credentials, at: try date("2013-05-24T00:00:00Z"), expiry: 86_400)
    #expect(
      url == "examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        + "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        + "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        + "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")
  }

  @Test func temporaryCredentialsSendTheirToken() throws {
    var temporary = example
    temporary.sessionToken = "a/b+c="
    let headers = signer.headers(
      for: AWSRequest(host: "h"), credentials: temporary, at: try date("2015-08-30T12:36:00Z"))
    #expect(headers.contains(AWSRequest.Field("x-amz-security-token", "a/b+c=")))
    #expect(headers.last?.value.contains("SignedHeaders=host;x-amz-date;x-amz-security-token,") == true)
    let url = signer.presignedURL(
      for: AWSRequest(host: "h"), credentials: temporary, at: try date("2015-08-30T12:36:00Z"), expiry: 1)
    #expect(url.contains("&X-Amz-Security-Token=a%2Fb%2Bc%3D&X-Amz-SignedHeaders=host&"))
  }
}
