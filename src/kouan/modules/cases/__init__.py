"""Cases: which orders, invoices, transport documents and declarations describe one trade 同一贸易背景."""
