/// The members of a JSON object, in order, each name once.
///
/// Names are compared byte by byte: two names that look alike are two names.
public struct JSONObject: Hashable, Sendable, ExpressibleByDictionaryLiteral {
  /// One name and its value.
  public struct Member: Hashable, Sendable {
    public let name: String
    public var value: JSONValue

    public init(name: String, value: JSONValue) {
      self.name = name
      self.value = value
    }
  }

  public private(set) var members: [Member]

  /// An object of `members`; of two with the same name the last one counts.
  public init(_ members: [Member] = []) {
    self.members = []
    self.members.reserveCapacity(members.count)
    // The claims of a token are few: a table of their names would cost more than looking through them.
    if members.count <= 8 {
      for member in members { self[member.name] = member.value }
      return
    }
    var positions: [[UInt8]: Int] = [:]
    for member in members {
      let position = positions.updateValue(self.members.count, forKey: Array(member.name.utf8))
      if let position {
        self.members[position] = member
        positions[Array(member.name.utf8)] = position
      } else {
        self.members.append(member)
      }
    }
  }

  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self.init(elements.map { Member(name: $0, value: $1) })
  }

  init(unique members: [Member]) { self.members = members }

  /// The value of the member `name`. Setting nil removes it; setting a new one appends it.
  public subscript(name: String) -> JSONValue? {
    get { members.first { Self.same($0.name, name) }?.value }
    set {
      let position = members.firstIndex { Self.same($0.name, name) }
      switch (position, newValue) {
      case (let position?, let value?): members[position].value = value
      case (let position?, nil): members.remove(at: position)
      case (nil, let value?): members.append(Member(name: name, value: value))
      case (nil, nil): break
      }
    }
  }

  private static func same(_ a: String, _ b: String) -> Bool { a.utf8.elementsEqual(b.utf8) }
}
