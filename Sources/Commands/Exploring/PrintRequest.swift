import ArgumentParser
import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// What the words of a `print` ask for.
struct PrintRequest {
  private(set) var type: String
  private(set) var address: AddressExpression
  /// One, but of a list as many as there are commas between, or none.
  private(set) var paths: [MemberPath]
  /// Of a list, the member that links its elements.
  private(set) var link: MemberPath?

  /// - Parameter members: the words after the address. `struct task_struct` may be two words, of
  ///   which the parser takes the second for the address.
  init(type: String, address: AddressExpression, members: [String], link: String?) throws {
    (self.type, self.address) = (type, address)
    var members = members[...]
    if TypeCommand.keywords.contains(type) {
      guard let next = members.popFirst().flatMap(AddressExpression.init) else {
        throw ValidationError("'\(type) \(address.text)' is a type: an address follows it")
      }
      (self.type, self.address) = ("\(type) \(address.text)", next)
    }
    func path(_ text: String) throws -> MemberPath {
      guard let path = MemberPath(text) else {
        throw ValidationError("'\(text)' is not a path of members, as in .mm.pgd or .a[2]")
      }
      return path
    }
    self.link = try link.map(path)
    guard link != nil else {
      paths = [try path(members.joined())]
      return
    }
    paths = try members.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
      .map { try path(String($0)) }
    guard !paths.contains(where: \.steps.isEmpty), self.link?.steps.isEmpty == false else {
      throw ValidationError(
        "a path of members is empty: name the members, with commas between them")
    }
  }

  /// One object, or a part of it.
  func object(in session: Session) throws -> Answer {
    let value = try session.ofThisBoot { kernel in
      let named = try kernel.btf.type(userText: type, in: kernel.file)
      let route = try named.btf.route(paths[0], from: named.id)
      let start = try address.resolved(in: kernel)
      return try session.walk(kernel) { walk throws(ReadFault) in
        let address = try start.address(in: walk)
        let object = UntypedObject(named.btf, type: named.id, at: address)
        return try object.follow(route, in: walk.view).value(in: walk.view)
      }
    }.value
    let names = session.symbolNames(of: value.addresses, in: try session.kernel)
    let text = ValueText(symbol: names.text)
    return Answer(text.json(value), .lines(text.lines(value)))
  }
}
