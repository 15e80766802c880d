from tfzero.data.scan import list_tree


def test_a_tree_is_listed_in_the_order_of_its_paths(tmp_path):
    names = ["b.png", "a/z.png", "a/b/c.png", "a-b/c.png", "a.png", "a0.png", "ab/é.png", "Z.png"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "a" / ".hidden").mkdir()
    (tmp_path / "a" / ".hidden" / "d.png").touch()
    (tmp_path / "empty").mkdir()
    assert list(list_tree(tmp_path).paths) == sorted(names)
