import DatastoreAPI

/// Turns a ``Page`` into SQL and the rows that came back into the next token (server-behaviour §11.4).
struct PageReader {
  private let page: Page?

  /// Checks the page; `condition` is narrowed to the rows after the token. `column` is the row ID.
  init(_ page: Page?, column: String, condition: inout SQLCondition) throws(DatastoreError) {
    self.page = page
    guard let page else { return }
    guard page.size > 0 else { throw DatastoreError(.invalidArgument, "cannot paginate with pagesize = 0") }
    guard !page.token.isEmpty else { return }
    guard page.token.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let last = Int64(page.token) else {
      throw DatastoreError(.invalidArgument, "could not parse token '\(page.token)'")
    }
    condition.and("\(column) > ?", [.integer(last)])
  }

  var limit: String { page == nil ? "" : " LIMIT ?" }
  var limitArguments: [SQLValue] { page.map { [.integer(Int64($0.size))] } ?? [] }

  /// The token after a page whose last row has this ID.
  func token(lastRow: Int64?) -> String {
    guard page != nil, let lastRow else { return "" }
    return String(lastRow)
  }
}
