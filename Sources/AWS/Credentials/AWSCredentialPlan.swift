/// Where credentials come from, as the environment and the shared files have it: a place that has some, and the roles that
/// are assumed with them, one after the other. A value; nothing is asked for it. Holds a secret, never printed.
package struct AWSCredentialPlan: Hashable, Sendable {
  package enum Place: Hashable, Sendable {
    /// - Parameter of: names in messages where they stand.
    case keys(AWSCredentials, of: String)
    case webIdentity(AWSWebIdentity)
    /// What prints credentials, a line for the shell.
    case process(String)
    case sso(AWSSSO)
    case container(AWSContainerEndpoint)
    /// The metadata service of the instance.
    case instance
  }

  package var place: Place
  package var roles: [AWSRole] = []
  /// The profiles that led here; none where the environment did.
  package var profiles: [String] = []

  /// The place, without secrets, as messages name it.
  var placeName: String {
    let name =
      switch place {
      case .keys(_, let name): name
      case .webIdentity(let identity): "the web identity \(identity.tokenFile)"
      case .process: "credential_process"
      case .sso(let sso): "the SSO role \(sso.role) of account \(sso.account)"
      case .container(let endpoint): "the container's endpoint \(endpoint.url)"
      case .instance: "the instance's metadata service"
      }
    guard let last = profiles.last else { return name }
    return "profile \(last): \(name)"
  }
}

/// A role to assume with other credentials. A value.
package struct AWSRole: Hashable, Sendable {
  package var arn: String
  package var session: String
  package var externalID: String?
  /// How long its credentials are to last; nil for what STS has as a default.
  package var seconds: Int?

  package init(arn: String, session: String, externalID: String? = nil, seconds: Int? = nil) {
    self.arn = arn
    self.session = session
    self.externalID = externalID
    self.seconds = seconds
  }
}

/// A role that whoever holds a token of an OpenID provider may take on, such as the service account of a pod. A value.
package struct AWSWebIdentity: Hashable, Sendable {
  /// Read anew each time: whoever writes it replaces it before it ends.
  package var tokenFile: String
  /// An ARN.
  package var role: String
  package var session: String
  /// How long the credentials are to last; nil for what STS has as a default.
  package var seconds: Int?

  package init(tokenFile: String, role: String, session: String, seconds: Int? = nil) {
    self.tokenFile = tokenFile
    self.role = role
    self.session = session
    self.seconds = seconds
  }
}

/// A role of IAM Identity Center, for whoever ran `aws sso login`. A value.
package struct AWSSSO: Hashable, Sendable {
  package var account: String
  package var role: String
  package var region: String
  /// What the file of the token is named after: the session or, without one, the start URL.
  package var cacheName: String
  package var profile: String
}

/// The endpoint for credentials that a container has (ECS, EKS Pod Identity). A value; holds a secret, never printed.
package struct AWSContainerEndpoint: Hashable, Sendable {
  package var url: String
  /// Read anew each time.
  package var tokenFile: String?
  package var token: String?
}
