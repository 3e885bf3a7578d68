import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

extension PrintRequest {
  /// The values of an element's members; absent where a pointer on the way is NULL.
  private typealias Row = [KernelValue]

  /// The elements of a list, a row each.
  func list(_ link: MemberPath, in session: Session) throws -> Answer {
    let snapshot = try session.ofThisBoot { kernel in
      let named = try kernel.btf.type(userText: type, in: kernel.file)
      let list = try KernelList(named.btf, of: named.id, noun: noun, link: link)
      var routes: [MemberRoute] = []
      for path in paths {
        let route = try named.btf.route(path, from: named.id)
        guard route.bits != nil || named.btf.size(of: route.type) ?? .max <= UntypedObject.mostBytes
        else { throw CommandError("\(path) of \(noun) is too large to show, or has no size") }
        routes.append(route)
      }
      let start = try address.resolved(in: kernel)
      // Each element is found by a wave of its own.
      let waveLimit = SnapshotEngine.usualWaveLimit + KernelList.limit
      return try session.walk(kernel, waveLimit: waveLimit) { [routes] walk throws(ReadFault) in
        let address = try start.address(in: walk)
        return try list.map(at: address, in: walk.view) { object throws(ReadFault) in
          try row(of: object, routes, in: walk.view)
        }
      }
    }
    let walk = snapshot.value
    let rows = walk.elements.compactMap { element in
      element.value.map { (address: element.object.address, values: $0) }
    }
    let cut =
      walk.isCut ? ["the list goes on after the first \(KernelList.limit) elements"] : []
    let names = session.symbolNames(
      of: rows.flatMap { $0.values.flatMap(\.addresses) }, in: try session.kernel)
    let text = ValueText(symbol: names.text)
    return Answer(
      .array(rows.map { json($0.address, $0.values, text) }), .table(table(rows, text)),
      missing: snapshot.missing + cut)
  }

  /// What messages call an element: the type without its keyword.
  private var noun: String { type.split(separator: " ").last.map(String.init) ?? type }

  /// The members need nothing from each other, and take their waves together.
  private func row(
    of object: UntypedObject, _ routes: [MemberRoute], in view: MemoryView
  ) throws(ReadFault) -> Row {
    try view.each(routes) { route throws(ReadFault) -> KernelValue in
      do throws(ReadFault) {
        return try object.follow(route, in: view).value(in: view)
      } catch {
        if case .unreadable(let cause) = error, cause.isMissing { return .absent }
        throw error
      }
    }
  }

  private func json(_ address: KernelVirtualAddress, _ values: Row, _ text: ValueText) -> JSON {
    .object(
      [.init(key: "address", value: .string("\(address)"))]
        + zip(paths, values).map { path, value in
          .init(key: "\(path)", value: text.json(value))
        })
  }

  private func table(
    _ rows: [(address: KernelVirtualAddress, values: Row)], _ text: ValueText
  ) -> Table {
    let columns = paths.enumerated().map { index, path -> Table.Column in
      let isNumber = rows.allSatisfy { $0.values[index].isNumber }
      return isNumber ? .number("\(path)") : .text("\(path)")
    }
    return Table(
      [.text("ADDRESS")] + columns,
      rows: rows.map { row in
        ["\(row.address)"] + row.values.map(text.line)
      })
  }
}

extension KernelValue {
  fileprivate var isNumber: Bool {
    switch self {
    case .unsigned, .signed, .absent: true
    default: false
    }
  }
}
