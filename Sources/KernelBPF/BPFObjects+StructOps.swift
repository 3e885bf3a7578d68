import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

extension BPFObjects {
  /// The contents of maps of struct_ops by ascending id, with the programs that are in them and the
  /// links that attach them.
  public func structOpsContents(
    _ query: ObjectQuery = ObjectQuery()
  ) throws(KernelError) -> Snapshot<ObjectList<StructOpsContents>> {
    let maps = try IDTable<BPFMapStruct>.prepared(for: kernel)
    let links = try IDTable<BPFLinkStruct>.prepared(for: kernel)
    let programs = try IDTable<BPFProgStruct>.prepared(for: kernel)
    let type = kernel.mapTypes.number(of: "struct_ops") ?? .max
    let linkType = kernel.linkTypes.number(of: "struct_ops") ?? .max
    let query = ObjectQuery(ids: query.ids, types: [type])
    return try snapshot { walk throws(ReadFault) in
      var (list, attached) = try walk.view.together(
        maps.list(query, in: walk) { map throws(ReadFault) in try map.structOpsContents() },
        links.list(ObjectQuery(type: linkType), in: walk) { link throws(ReadFault) in
          let map = try link.container(\BPFStructOpsLink.link).map
          return (link: link.id, map: UInt64(map?.id ?? 0))
        })
      let ids = list.objects.map { $0.btf.programIDs(in: $0.bytes, of: $0.type) }
      // One program may be in several maps.
      let all = Set(ids.joined().map { UInt64($0) })
      let named = try programs.list(ObjectQuery(ids: all), in: walk) { prog throws(ReadFault) in
        let aux = try prog.aux
        let (name, function) = try walk.view.together(aux.fullName(), aux.nameOfFunction())
        return (id: aux.id, program: StructOpsContents.Program(name: name, function: function))
      }
      let byID = Dictionary(
        named.objects.map { ($0.id, $0.program) }, uniquingKeysWith: { first, _ in first })
      for index in list.objects.indices {
        let id = list.objects[index].id
        list.objects[index].links = attached.objects.filter { $0.map == id }.map(\.link)
        list.objects[index].programs = byID.filter { ids[index].contains($0.key) }
      }
      return list
    }
  }
}
