"""What another policy would have done: mail that passed, or lies in folders, judged again; nothing is sent or kept.

`mailbox` finds filed mails and `filing` says between whom they went; `replay` takes them through a pipeline of its own,
`recorded` judges what the journal holds, and `difference` compares.
"""
